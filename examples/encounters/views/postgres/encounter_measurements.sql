-- Each encounter with how much was measured in it, and when first and last.
CREATE VIEW encounter_measurements AS
SELECT e.encounter_id, e.patient_id, e.started_at, e.ended_at, count(m.measurement_id) AS measurements,
  min(m.taken_at) AS first_taken_at, max(m.taken_at) AS last_taken_at
FROM encounters e LEFT JOIN measurements m ON m.encounter_id = e.encounter_id
GROUP BY e.encounter_id, e.patient_id, e.started_at, e.ended_at;
