-- Per day of the stamps and dataset: files, their rows, how many were late; missing: 1 where others sent something that day and it did not.
CREATE VIEW feed_days AS
SELECT d.day, s.dataset, count(f.file_id) AS files, coalesce(sum(f.rows_read), 0) AS rows_read,
  coalesce(sum(f.rows_rejected), 0) AS rows_rejected, coalesce(sum(f.rows_waiting), 0) AS rows_waiting,
  coalesce(sum(f.late), 0) AS late, CASE WHEN count(f.file_id) = 0 THEN 1 ELSE 0 END AS missing
FROM (SELECT DISTINCT substr(stamp, 1, 10) AS day FROM files WHERE state = 'ingested') d
CROSS JOIN (SELECT DISTINCT dataset FROM files WHERE dataset IS NOT NULL) s
LEFT JOIN files f ON f.state = 'ingested' AND f.dataset = s.dataset AND substr(f.stamp, 1, 10) = d.day
GROUP BY d.day, s.dataset;
