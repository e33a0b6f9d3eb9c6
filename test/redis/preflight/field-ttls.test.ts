import { beforeAll, describe, expect, it } from 'vitest';
import { FIELD_TTL_COMMANDS } from '../../../redis/preflight/checks/rights.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { findTool } from '../../../servers/tools.ts';
import { LONG_RETENTION, only, type PreflightWorld, withPreflightWorld } from './world.ts';

/** Knows TTLs of hash fields; Redis 7.0 does not. */
const valkey = findTool('valkey-server');

const look = (world: PreflightWorld) => runPreflight(world.makePlan(), world.environment(), LONG_RETENTION);
const fieldTtls = async (world: PreflightWorld, link = 'v1') =>
  only(await look(world), 'hash field TTLs', link);
const grant = (world: PreflightWorld, sign: '+' | '-') =>
  world.v1.client.call('ACL', 'SETUSER', 'jday', ...FIELD_TTL_COMMANDS.map((name) => `${sign}${name}`));

describe('hash field TTLs that only V1 knows', () => {
  const world = withPreflightWorld({ v1: valkey });
  // docs/start.md demands these rights on such a server.
  beforeAll(() => grant(world, '+'));

  it('are red while a sampled hash has one, and an alert when it was taken off', async () => {
    await world.fill();
    await world.v1.client.hset('match:h', { offers: '[1]', plain: 'x' });
    await world.v1.client.hset('match:without', { plain: 'x' });
    await world.v1.client.call('HPEXPIRE', ['match:h', '600000', 'FIELDS', '1', 'offers']);
    expect(await fieldTtls(world)).toMatchObject({
      verdict: 'red',
      found: '1 of 4 sampled keys have such fields, which V2 cannot keep',
      expected: 'no field with a TTL that the other side could not keep',
      remedy: 'Bring V2 to a version that knows them (Redis 7.4, Valkey 9), or take the TTLs off.',
    });
    await world.v1.client.call('HPERSIST', ['match:h', 'FIELDS', '1', 'offers']);
    expect(await fieldTtls(world)).toMatchObject({
      verdict: 'alert',
      found: 'only the source knows them; none in 4 sampled keys',
    });
    expect(await fieldTtls(world, 'nexten')).toMatchObject({
      verdict: 'green',
      found: 'neither side knows them',
    });
  });

  it('are red too, as are the rights, while our user may not ask for them', async () => {
    await world.v1.client.hset('match:h', { offers: '[1]' });
    await grant(world, '-');
    const checks = await look(world);
    await grant(world, '+');
    expect(only(checks, 'rights', 'v1')).toMatchObject({
      verdict: 'red',
      found: 'cannot find and read keys: hpexpiretime, hpexpireat',
      remedy: 'Run: ACL SETUSER <our user> +hpexpiretime +hpexpireat',
    });
    expect(only(checks, 'hash field TTLs', 'v1')).toMatchObject({
      verdict: 'red',
      found: 'the check could not be made: our user may not run hpexpiretime',
    });
  });
});

describe('hash field TTLs that only V2 knows', () => {
  const world = withPreflightWorld({ v2: valkey });

  it('are an alert: such a field would hold its hash back on the way home', async () => {
    expect(await fieldTtls(world)).toMatchObject({
      verdict: 'alert',
      found: 'only V2 knows them: such a field holds its hash back on the way home',
    });
  });
});
