-- Reads many entities in one round trip. KEYS: bucket hashes; ARGV[1]: msgpack, a list of
-- entity keys per bucket. Answers the packed entities in that order, false where there is none.
local found, n = {}, 0
for i, members in ipairs(cmsgpack.unpack(ARGV[1])) do
  local values = redis.call('HMGET', KEYS[i], unpack(members))
  for j = 1, #members do
    n = n + 1
    found[n] = values[j]
  end
end
return found
