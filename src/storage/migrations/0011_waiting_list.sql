-- The client that a person on the waiting list registered from: an IPv4 address, or the /64 of an IPv6
-- address. NULL once somebody has let the person in or refused them.
ALTER TABLE account ADD COLUMN waiting_client TEXT;
