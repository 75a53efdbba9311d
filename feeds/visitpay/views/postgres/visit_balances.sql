-- What each visit comes to, in currency. Payments come with a minus from some senders and without from others: their sum counts by its
-- size, so that a payment that was taken back cancels out either way. Adjustments count as they are sent: a write-off has a minus.
-- Other types, such as transfers between payers, which come in pairs, count in nothing.
CREATE VIEW visit_balances AS
SELECT v.visit_id, v.visit_date, v.status,
  round(coalesce(t.charges, 0) / 100.0, 2) AS charges,
  round(coalesce(t.payments, 0) / 100.0, 2) AS payments,
  round(coalesce(t.adjustments, 0) / 100.0, 2) AS adjustments,
  round(coalesce(t.charges - t.payments + t.adjustments, 0) / 100.0, 2) AS balance
FROM visits v LEFT JOIN (
  SELECT visit_id,
    sum(CASE WHEN upper(transaction_type) = 'CHARGE' THEN amount_cents ELSE 0 END) AS charges,
    abs(sum(CASE WHEN upper(transaction_type) = 'PAYMENT' THEN amount_cents ELSE 0 END)) AS payments,
    sum(CASE WHEN upper(transaction_type) LIKE 'ADJUST%' THEN amount_cents ELSE 0 END) AS adjustments
  FROM transactions GROUP BY visit_id
) t ON t.visit_id = v.visit_id;
