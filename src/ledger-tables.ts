/** The tables of the ledger, which are the same for every feed. A migration that adds one adds it here. */
export const LEDGER_TABLES = ['files', 'rejects', 'waiting_on', 'checkpoints', 'attempts', 'retries'] as const;
