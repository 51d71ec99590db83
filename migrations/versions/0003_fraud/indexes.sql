-- For links, and for signals while Redis is gone: the newest payments of a card, an IP address or a device.
-- Sixteen of a fingerprint's 64 digits tell cards apart; the statement compares the rest. The index is on the hot path.
CREATE INDEX payments_by_card ON payments.payments (left(card_fingerprint, 16), livemode, id DESC);
CREATE INDEX payments_by_ip ON payments.payments (customer_ip, livemode, id DESC) WHERE customer_ip IS NOT NULL;
CREATE INDEX payments_by_device ON payments.payments (device_id, livemode, id DESC) WHERE device_id IS NOT NULL;
