-- Up Migration

-- Every account is told of once more: chat has not heard of those before it. To the others it is a repetition.
UPDATE accounts.account SET is_told = false WHERE is_told;

-- Down Migration
