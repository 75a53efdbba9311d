-- Rows that were not loaded and that someone may have to see to: waiting, or rejected by a file that no correction has replaced.
CREATE VIEW open_rejects AS
SELECT f.name AS file, f.revision, r.dataset, r.line, r.state, r.code, r.column_name, r.reason, f.finished_at
FROM rejects r JOIN files f ON f.file_id = r.file_id
WHERE r.state = 'waiting' OR (r.state = 'rejected' AND f.state <> 'replaced');
