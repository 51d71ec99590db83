-- Counts a batch of payments and returns the signals of each, its own payment included. One call, one round trip.
--
-- KEYS     1: the marker that says that counters are complete; then six per payment: replay guard of its day, of the
--          day before, card, merchant, IP ('' for none), device ('' for none)
-- ARGV[1]  msgpack: [now in ms, whether to count or only look, payments]; a payment is
--          [time in ms, US cents, guard member, card, merchant, amount], the last three as 32-bit hashes
-- Returns  msgpack: [whether the marker is there, one list of signals per payment, in the order of vocabulary.GROUPS]
--
-- A record is msgpack: four ladders, then what its kind remembers. A ladder is a flat list of (bucket, count, cents),
-- oldest first. What leaves the first window moves to the coarser buckets of the second, and so on: each payment is in
-- one bucket at a time, and a window's value is the sum of its own ladder and the finer ones. A payment counts for at
-- least the window's length and at most one bucket longer.
local WIDTH = {5000, 30000, 300000, 3600000}
local SPAN = {60000, 600000, 3600000, 86400000}
local LIFE = '90000000'
local GUARD_LIFE = '172800'
local REMEMBERED = 64

local call, floor, insert, remove = redis.call, math.floor, table.insert, table.remove
local now, counting, payments = unpack(cmsgpack.unpack(ARGV[1]))

local function add(ladder, bucket, count, cents)
    local i = #ladder - 2
    while i >= 1 and ladder[i] > bucket do i = i - 3 end
    if i >= 1 and ladder[i] == bucket then
        ladder[i + 1] = ladder[i + 1] + count
        ladder[i + 2] = ladder[i + 2] + cents
    else
        insert(ladder, i + 3, bucket)
        insert(ladder, i + 4, count)
        insert(ladder, i + 5, cents)
    end
end

local function advance(record)
    for k = 1, 4 do
        local ladder, width, limit = record[k], WIDTH[k], now - SPAN[k]
        local size, first = #ladder, 1
        while first <= size and (ladder[first] + 1) * width <= limit do
            if k < 4 then
                add(record[k + 1], floor(ladder[first] * width / WIDTH[k + 1]), ladder[first + 1], ladder[first + 2])
            end
            first = first + 3
        end
        if first > 1 then
            local rest = {}
            for i = first, size do rest[i - first + 1] = ladder[i] end
            record[k] = rest
        end
    end
end

local function totals(record)
    local counts, cents, count, sum = {}, {}, 0, 0
    for k = 1, 4 do
        local ladder = record[k]
        for i = 2, #ladder, 3 do
            count = count + ladder[i]
            sum = sum + ladder[i + 1]
        end
        counts[k], cents[k] = count, sum
    end
    return counts, cents
end

-- Remembers (value, second) pairs, the latest last, at most so many; `once` keeps each value's last time only.
local function remember(seen, value, second, once)
    local size = #seen
    if once then
        for i = 1, size, 2 do
            if seen[i] == value then
                if seen[i + 1] >= second then return end
                remove(seen, i + 1)
                remove(seen, i)
                size = size - 2
                break
            end
        end
    end
    local i = size - 1
    while i >= 1 and seen[i + 1] > second do i = i - 2 end
    insert(seen, i + 2, value)
    insert(seen, i + 3, second)
    if size >= 2 * REMEMBERED then
        remove(seen, 2)
        remove(seen, 1)
    end
end

-- How many remembered pairs are in each window; only those with this value, if one is given.
local function remembered(seen, value)
    local counts, count, k = {}, 0, 1
    for i = #seen - 1, 1, -2 do
        local ends = (seen[i + 1] + 1) * 1000
        while k <= 4 and ends <= now - SPAN[k] do
            counts[k] = count
            k = k + 1
        end
        if k > 4 then break end
        if value == nil or seen[i] == value then count = count + 1 end
    end
    for j = k, 4 do counts[j] = count end
    return counts
end

local records = {}

local function load(key)
    if key == '' then return nil end
    local record = records[key]
    if record == nil then
        local stored = call('GET', key)
        if stored then
            record = {data = cmsgpack.unpack(stored)}
            advance(record.data)
            record.counts, record.cents = totals(record.data)
        else
            record = {data = {{}, {}, {}, {}, {}, {}}, counts = {0, 0, 0, 0}, cents = {0, 0, 0, 0}}
        end
        records[key] = record
    end
    return record
end

local function count(record, at, cents)
    for k = 1, 4 do
        local bucket = floor(at / WIDTH[k])
        if (bucket + 1) * WIDTH[k] > now - SPAN[k] then
            add(record.data[k], bucket, 1, cents)
            for j = k, 4 do
                record.counts[j] = record.counts[j] + 1
                record.cents[j] = record.cents[j] + cents
            end
            record.changed = true
            return
        end
    end
end

local function is_new(today, yesterday, member)
    if call('SISMEMBER', yesterday, member) == 1 then return false end
    if not counting then return call('SISMEMBER', today, member) == 0 end
    if call('SADD', today, member) == 0 then return false end
    call('EXPIRE', today, GUARD_LIFE)
    return true
end

local results, ZEROS = {}, {0, 0, 0, 0}
for number, payment in ipairs(payments) do
    local at, cents, member, card_hash, merchant_hash, amount_hash = unpack(payment)
    local place = 1 + (number - 1) * 6
    local card, merchant = load(KEYS[place + 3]), load(KEYS[place + 4])
    local ip, device = load(KEYS[place + 5]), load(KEYS[place + 6])
    if is_new(KEYS[place + 1], KEYS[place + 2], member) then
        local second = floor(at / 1000)
        count(card, at, cents)
        count(merchant, at, cents)
        remember(card.data[5], merchant_hash, second, true)
        remember(card.data[6], amount_hash, second, false)
        if ip then
            count(ip, at, cents)
            remember(ip.data[5], card_hash, second, true)
        end
        if device then count(device, at, cents) end
    end
    local n, c, m = card.counts, card.cents, remembered(card.data[5])
    local same, mn, mc = remembered(card.data[6], amount_hash), merchant.counts, merchant.cents
    local ic, is, cards = ZEROS, ZEROS, ZEROS
    if ip then ic, is, cards = ip.counts, ip.cents, remembered(ip.data[5]) end
    local dc, ds = ZEROS, ZEROS
    if device then dc, ds = device.counts, device.cents end
    results[number] = {
        n[1], n[2], n[3], n[4], c[1], c[2], c[3], c[4], m[1], m[2], m[3], m[4], same[1], same[2], same[3], same[4],
        mn[1], mn[2], mn[3], mn[4], mc[1], mc[2], mc[3], mc[4],
        ic[1], ic[2], ic[3], ic[4], is[1], is[2], is[3], is[4], cards[1], cards[2], cards[3], cards[4],
        dc[1], dc[2], dc[3], dc[4], ds[1], ds[2], ds[3], ds[4],
    }
end

if counting then
    for key, record in pairs(records) do
        if record.changed then call('SET', key, cmsgpack.pack(record.data), 'PX', LIFE) end
    end
end
return cmsgpack.pack({call('EXISTS', KEYS[1]) == 1, results})
