-- Each appointment beside its patient: what the appointment says of them and what the list of patients says.
CREATE VIEW appointments_with_patients AS
SELECT a.appointment_id, a.appointment_at, a.appointment_type, a.patient_id, p.name, p.birth_date, p.phone, p.address,
  a.patient_phone AS phone_at_appointment, a.patient_address AS address_at_appointment
FROM appointments a JOIN patients p ON p.patient_id = a.patient_id;
