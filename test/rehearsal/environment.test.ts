import { afterEach, expect, it, vi } from 'vitest';
import { rehearsalEnvironment, type World } from '../../rehearsal/world.ts';

afterEach(() => vi.unstubAllEnvs());

it('what a user has set for real stores and a real Temporal does not steer a rehearsal', () => {
  vi.stubEnv('V1_TLS_CA', '/etc/jday/ca.crt');
  vi.stubEnv('V2_UNFENCED', 'stopped by hand');
  vi.stubEnv('TEMPORAL_TLS', 'true');
  vi.stubEnv('SOURCE_V1', 'rediss://v1-redis:6380/0');
  const own = { SOURCE_V1: 'redis://127.0.0.1:1', V1_APP_USERS: 'v1-app' };
  const environment = rehearsalEnvironment({ environment: own } as unknown as World);
  expect(environment).toMatchObject(own);
  expect(environment).not.toHaveProperty('V1_TLS_CA');
  expect(environment).not.toHaveProperty('V2_UNFENCED');
  expect(environment).not.toHaveProperty('TEMPORAL_TLS');
  expect(environment['PATH']).toBe(process.env['PATH']);
});
