import type { Redis } from 'ioredis';
import { keyBytes } from '../../client/key-bytes.ts';
import { knowsFieldTtls } from '../../client/capabilities.ts';
import { alert, green, red, type StoreUnderTest } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

const EXPECTED = 'no field with a TTL that the other side could not keep';
const MOST_FIELDS = 256;

export const FIELD_TTLS: NamedCheck = {
  name: 'hash field TTLs',
  scope: 'link',
  looksAt:
    'whether both sides know TTLs of hash fields; if only the source does, a sample of its hashes for such fields',
  look: async (link, world) => {
    const { source, target } = link;
    const [here, there] = [await allKnow(source), await allKnow(target)];
    if (here === there) return green(here ? 'both sides know them' : 'neither side knows them', EXPECTED);
    if (there) {
      const remedy = 'Let V2’s apps give no TTL to fields of migrated hashes before the window is over.';
      return alert('only V2 knows them: such a field holds its hash back on the way home', EXPECTED, remedy);
    }
    const { samples } = await world.inventory(link);
    let found = 0;
    for (const { key } of samples) if (await hasTtl(source.redis, keyBytes(key))) found++;
    if (found === 0)
      return alert(
        `only the source knows them; none in ${samples.length} sampled keys`,
        EXPECTED,
        'Make sure that no app uses them: such a hash goes to quarantine and holds the cutover.',
      );
    const remedy = 'Bring V2 to a version that knows them (Redis 7.4, Valkey 9), or take the TTLs off.';
    return red(
      `${found} of ${samples.length} sampled keys have such fields, which V2 cannot keep`,
      EXPECTED,
      remedy,
    );
  },
};

/** Returns whether every server of a store supports field TTLs, because each node of a cluster may hold a hash. */
async function allKnow({ servers }: StoreUnderTest): Promise<boolean> {
  return (await Promise.all(servers.map(({ redis }) => knowsFieldTtls(redis)))).every((knows) => knows);
}

async function hasTtl(redis: Redis, key: Buffer): Promise<boolean> {
  if ((await redis.type(key)) !== 'hash') return false;
  const [, pairs] = (await redis.callBuffer('HSCAN', [key, '0', 'COUNT', MOST_FIELDS])) as [Buffer, Buffer[]];
  const fields = pairs.filter((_part, i) => i % 2 === 0);
  if (fields.length === 0) return false;
  const at = (await redis.call('HPEXPIRETIME', [key, 'FIELDS', fields.length, ...fields])) as number[];
  return at.some((ms) => ms >= 0);
}
