-- For links, and for signals while Redis is gone: the newest payments of a card, an IP address or a device.
CREATE INDEX payments_by_card ON payments.payments (card_fingerprint, livemode, id DESC);
CREATE INDEX payments_by_ip ON payments.payments (customer_ip, livemode, id DESC) WHERE customer_ip IS NOT NULL;
CREATE INDEX payments_by_device ON payments.payments (device_id, livemode, id DESC) WHERE device_id IS NOT NULL;
