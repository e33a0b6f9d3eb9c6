import { type Candidate, bucketOf, LEDGER } from './candidate.ts';

/** Enters the digest only where what stands there is the payload: an app that wrote in between must not count as agreed. */
const ENTER = `
for i = 1, #KEYS do
  local dump = redis.call('DUMP', KEYS[i])
  local digest = string.sub(ARGV[i], 1, 8)
  if dump and string.sub(dump, -8) == digest then
    local state = digest .. struct.pack('>i8', redis.call('PEXPIRETIME', KEYS[i]))
    redis.call('HSET', '${LEDGER}' .. string.sub(ARGV[i], 9), KEYS[i], '12345678' .. state .. state .. 'abc')
  end
end`;

/** For the copy alone: RESTORE without REPLACE is a comparison with absent, and silent. The lease is under WATCH. */
export const leaseAndRestore: Candidate = async ({ tracked, lease }) => {
  const enter = String(await tracked.script('LOAD', ENTER));
  return async (batch) => {
    await tracked.watch(lease);
    const multi = tracked.multi().get(lease);
    for (const { key, dump, expireAt } of batch) multi.restore(key, expireAt, dump, 'ABSTTL');
    const digests = batch.map((one) =>
      Buffer.concat([one.dump.subarray(-8), Buffer.from(bucketOf(one).slice(LEDGER.length))]),
    );
    multi.evalsha(enter, batch.length, ...batch.map(({ key }) => key), ...digests);
    if ((await multi.exec()) === null) throw new Error('another attempt took the lease');
  };
};
