SELECT payments.watch('acquirer_routes', 'merchant_id', 'always');
