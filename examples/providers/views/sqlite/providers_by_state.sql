-- How many providers there are of each specialty in each state, and how much they are used.
CREATE VIEW providers_by_state AS
SELECT state, specialty, count(*) AS providers, sum(utilization) AS utilization
FROM providers GROUP BY state, specialty;
