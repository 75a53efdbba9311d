-- Two patients of one file with the same social security number. Hashed, the numbers can still be compared.
SELECT source_line
FROM incoming
WHERE ssn IN (SELECT ssn FROM incoming GROUP BY ssn HAVING count(DISTINCT patient_id) > 1)
ORDER BY source_line;
