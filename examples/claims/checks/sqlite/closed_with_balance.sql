-- Claims that are closed although something is outstanding.
SELECT claim_id FROM claims WHERE status = 'CLOSED' AND outstanding_cents <> 0;
