-- Each claim with the sum of its lines, in currency.
CREATE VIEW claim_totals AS
SELECT c.claim_id, c.patient_id, c.provider_id, c.service_at, c.status, count(l.claim_id) AS lines,
  coalesce(sum(l.amount_cents), 0) / 100.0 AS amount, c.outstanding_cents / 100.0 AS outstanding
FROM claims c LEFT JOIN claim_lines l ON l.claim_id = c.claim_id
GROUP BY c.claim_id, c.patient_id, c.provider_id, c.service_at, c.status, c.outstanding_cents;
