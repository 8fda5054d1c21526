-- Reads many entities in one round trip. KEYS[1] partition meta, then bucket hashes; ARGV[1]: topic,
-- ARGV[2]: msgpack, a list of entity keys per bucket. Answers {incarnation, next_offset} that they
-- are of, then the packed entities in that order, false where there is none.
local state = redis.call('HMGET', KEYS[1], 'incarnation', 'next:' .. ARGV[1])
local found, n = {state[1] or '', state[2] or '0'}, 2
for i, members in ipairs(cmsgpack.unpack(ARGV[2])) do
  local values = redis.call('HMGET', KEYS[i + 1], unpack(members))
  for j = 1, #members do
    n = n + 1
    found[n] = values[j]
  end
end
return found
