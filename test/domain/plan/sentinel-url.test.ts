import { describe, expect, it } from 'vitest';
import { parseSentinelUrl, type SentinelUrl, urlOfMaster } from '../../../domain/plan-file/sentinel-url.ts';
import { formatServerUrl } from '../../../domain/plan-file/server-url.ts';
import { storeUrlProblem } from '../../../domain/plan-file/store-url.ts';

describe('the URL of a store that Sentinel watches', () => {
  it('names Sentinels, the master, the database, and how to log in to the servers', () => {
    const url = parseSentinelUrl('rediss+sentinel://jday:p%40ss@s1:26380,[::1]:26381,s3/mine/2');
    expect(url).toEqual({
      tls: true,
      username: 'jday',
      password: 'p@ss',
      sentinels: [
        { host: 's1', port: 26_380 },
        { host: '::1', port: 26_381 },
        { host: 's3', port: 26_379 },
      ],
      master: 'mine',
      database: 2,
    });
    const at = (host: string) => formatServerUrl(urlOfMaster(url as SentinelUrl, host, 6380));
    expect(at('10.0.0.7')).toBe('rediss://jday:p%40ss@10.0.0.7:6380/2');
    expect(at('::1')).toBe('rediss://jday:p%40ss@[::1]:6380/2');
  });

  it.each([
    ['redis+sentinel://s1/mine', {}],
    ['redis+sentinel://jday:${SECRET}@s1:26379,s2:26379/mine/0', {}],
    ['${SOURCE}', { SOURCE: 'redis+sentinel://jday:a,b@s1,s2/mine/1' }],
    ['${SOURCE:-redis+sentinel://s1/mine/0}', {}],
  ])('%s is good', (reference, environment) => {
    expect(storeUrlProblem(reference, environment)).toBeNull();
  });

  it.each([
    ['redis+sentinel://s1:26379', 'the master’s name after the hosts'],
    ['redis+sentinel://s1:26379/', 'the master’s name after the hosts'],
    ['redis+sentinel://s1/mine/zero', 'a database number after the master’s name'],
    ['redis+sentinel://s1/mine/0/1', 'a database number after the master’s name'],
    ['redis+sentinel://s1:port/mine/0', 'hosts with commas between'],
    ['redis+sentinel://,s2/mine/0', 'hosts with commas between'],
    ['redis+sentinel:///mine/0', 'hosts with commas between'],
    ['redis+sentinel://s1/mine/0?db=2', 'nothing after ? or #'],
    ['redis+sentinel://s1/mi%ne/0', 'the master’s name after the hosts'],
    ['redis+sentinel://s1:99999/mine/0', 'hosts with commas between'],
  ])('%s is not, and the answer says what one looks like', (reference, expected) => {
    const problem = storeUrlProblem(reference, {});
    expect(problem?.expected).toContain(expected);
    expect(problem?.expected).toContain('redis+sentinel://');
  });

  it('is none of a cluster, and holds no password in the plan (L12)', () => {
    expect(storeUrlProblem('redis+sentinel://s1/mine/0', {}, true)?.found).toBe('a Sentinel URL');
    const problem = storeUrlProblem('redis+sentinel://jday:hunter2@s1/mine/0', {});
    expect(problem?.found).toBe('a literal password');
    const broken = storeUrlProblem('${SOURCE}', { SOURCE: 'redis+sentinel://jday:hunter2@s1:x/mine' });
    expect(JSON.stringify(broken)).not.toContain('hunter');
  });
});
