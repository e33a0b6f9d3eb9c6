import { type Candidate, bucketOf, LEDGER } from './candidate.ts';

/** States of keys, one text: what the comparison reads. */
const STATES = `
local out = {}
for i, key in ipairs(KEYS) do
  local dump = redis.call('DUMP', key)
  out[i] = dump and string.sub(dump, -8) .. struct.pack('>i8', redis.call('PEXPIRETIME', key)) or string.rep('\\0', 16)
end
return table.concat(out)`;

/** Enters what stands there now: read back in the same transaction, for a DUMP need not equal the payload. */
const ENTER = `
for i = 1, #KEYS do
  local dump = redis.call('DUMP', KEYS[i])
  if dump then
    local state = string.sub(dump, -8) .. struct.pack('>i8', redis.call('PEXPIRETIME', KEYS[i]))
    redis.call('HSET', '${LEDGER}' .. ARGV[i], KEYS[i], '12345678' .. state .. state .. 'abc')
  end
end`;

/** WATCH, a read of the states, MULTI with plain RESTOREs and the ledger: no echo but that of the script's own keys. */
export const watchAndMulti: Candidate = async ({ tracked, lease }) => {
  const [states, enter] = [await tracked.script('LOAD', STATES), await tracked.script('LOAD', ENTER)];
  return async (batch) => {
    const keys = batch.map(({ key }) => key);
    await tracked.watch(lease, ...keys);
    await tracked.callBuffer('EVALSHA_RO', [String(states), String(keys.length), ...keys]);
    const multi = tracked.multi().get(lease);
    for (const { key, dump, expireAt } of batch) multi.restore(key, expireAt, dump, 'REPLACE', 'ABSTTL');
    multi.evalsha(
      String(enter),
      keys.length,
      ...keys,
      ...batch.map((one) => bucketOf(one).slice(LEDGER.length)),
    );
    if ((await multi.exec()) === null) throw new Error('somebody else wrote');
  };
};
