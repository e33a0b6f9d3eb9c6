import { describe, expect, it } from 'vitest';
import { formatServerUrl, parseServerUrl, type ServerUrl } from '../../../domain/plan-file/server-url.ts';
import { storeUrlProblem } from '../../../domain/plan-file/store-url.ts';

describe('the URL of a server', () => {
  it('is read to the last character, and written again', () => {
    const url = parseServerUrl('rediss://j%C3%A9:p%40s%3As@[::1]:6380/2');
    expect(url).toEqual({
      tls: true,
      username: 'jé',
      password: 'p@s:s',
      host: '::1',
      port: 6380,
      database: 2,
    });
    expect(parseServerUrl(formatServerUrl(url as ServerUrl))).toEqual(url);
    expect(parseServerUrl('redis://v1')).toMatchObject({
      username: '',
      password: '',
      port: 6379,
      database: 0,
    });
    expect(formatServerUrl(parseServerUrl('redis://:secret@v1') as ServerUrl)).toBe(
      'redis://:secret@v1:6379/0',
    );
  });
});

describe('the URL reference of a store', () => {
  it.each([
    ['redis://v1:6379', {}],
    ['redis://v1:6379/2', {}],
    ['rediss://jday:${SECRET}@v1', {}],
    ['rediss://jday:${SECRET}@v1', { SECRET: 'p%40ss' }],
    ['${SOURCE:-redis://v1:6379}', {}],
    ['${SOURCE}', { SOURCE: 'redis://user:secret@v1:6379/1' }],
    ['redis://${USER_NAME}:${SECRET}@${HOST:-v1}/0', {}],
    ['redis://jday:${SECRET}@[::1]:6379/15', { SECRET: '100%25' }],
    ['${SOURCE}', { SOURCE: ' redis://v1:6379/0\n' }],
  ])('%s is good', (reference, environment) => {
    expect(storeUrlProblem(reference, environment)).toBeNull();
  });

  it.each([
    ['redis://v2-a:7000,redis://v2-b:7000', {}],
    ['redis://jday:${SECRET}@v2-a:7000, redis://jday:${SECRET}@v2-b:7000', {}],
    ['${TARGET:-redis://v2-a:7000,redis://v2-b:7000}', {}],
    ['${TARGET}', { TARGET: 'rediss://jday:a,b@v2-a:7000,rediss://jday:a,b@v2-b:7000' }],
  ])('%s is good for a cluster, and for nothing else', (reference, environment) => {
    expect(storeUrlProblem(reference, environment, true)).toBeNull();
    expect(storeUrlProblem(reference, environment)).not.toBeNull();
  });

  it('of a cluster holds no password in any of its URLs, and each is a URL (L12)', () => {
    const second = storeUrlProblem('redis://v2-a:7000,redis://jday:hunter2@v2-b:7000', {}, true);
    expect(second?.found).toBe('a literal password');
    expect(storeUrlProblem('redis://v2-a:7000,redis://:7000', {}, true)).not.toBeNull();
  });

  it.each([
    'redis://jday:hunter2@v1',
    'redis://:hunter2@v1:6379/0',
    '${SOURCE:-redis://:hunter2@v1}',
    'redis://jday:${SECRET:-hunter2}@v1',
    'redis://jday:hunter/2@v1',
    'redis://v1?password=hunter2',
  ])('%s holds a password, which the plan must not (L12)', (reference) => {
    const problem = storeUrlProblem(reference, {});
    expect(problem?.found).toBe('a literal password');
    expect(problem?.expected).toContain('${NAME}');
    expect(JSON.stringify(problem)).not.toContain('hunter');
  });

  it.each([
    ['http://v1', {}, 'a redis:// or rediss:// URL'],
    ['v1:6379', {}, 'a redis:// or rediss:// URL'],
    ['redis://v1/zero', {}, 'a database number'],
    ['redis://v1/1/2', {}, 'a database number'],
    ['redis://', {}, 'a host'],
    ['redis://v1:notaport', {}, 'special characters'],
    ['redis://v1:70000', {}, 'a port from 1 to 65535'],
    ['redis://v1:0', {}, 'a port from 1 to 65535'],
    ['redis://v1/-1', {}, 'a database number'],
    ['redis://v1/99999999999', {}, 'a database number'],
    ['redis://v1,v2/0', {}, 'host:port'],
    ['redis://v1:6379,redis://v2:6379', {}, 'one URL; several are those of nodes of a cluster'],
    ['redis://v1/${DB', {}, '${NAME}'],
    ['${SOURCE}', {}, 'SOURCE in the environment'],
  ])('%s is not', (reference, environment, expected) => {
    expect(storeUrlProblem(reference, environment)?.expected).toContain(expected);
  });

  it.each([
    ['?keyPrefix=x:', 'keyPrefix', 'keys with their whole names'],
    ['?db=3', 'db', 'the database number after the host'],
    ['?tls=true', 'tls', 'rediss:// as the scheme'],
    ['?ssl_cert_reqs=none', 'ssl_cert_reqs', '`tls` of the store in the plan'],
    ['?username=jday', 'username', 'user and password before the host'],
    ['?family=6&db=2', 'family', 'nothing after ?'],
    ['?connectionName', 'connectionName', 'nothing after ?'],
  ])(
    'with %s names the option %s, which would be taken without a word, and says what to write',
    (query, option, instead) => {
      const problem = storeUrlProblem(`redis://v1/0${query}`, {});
      expect(problem?.found).toBe(`the option ${option}`);
      expect(problem?.expected).toContain(instead);
      expect(storeUrlProblem(`redis://v1,redis://v2/0${query}`, {}, true)).not.toBeNull();
      expect(storeUrlProblem(`redis+sentinel://s1/mine/0${query}`, {})).toMatchObject({
        found: `the option ${option}`,
        expected: expect.stringContaining('redis+sentinel://') as string,
      });
    },
  );

  it('shows nothing but the name of an option', () => {
    for (const SOURCE of [
      'redis://v1/0?db=hunter2',
      'redis://v1/0#hunter2',
      'redis://v1/0?hunter2!x=1',
      'redis://v1?',
    ])
      expect(JSON.stringify(storeUrlProblem('${SOURCE}', { SOURCE }))).toMatch(/expected(?!.*hunter)/);
  });

  it('of a cluster says the same about TLS in all its URLs', () => {
    const mixed = storeUrlProblem('redis://v2-a:7000,rediss://v2-b:7000', {}, true);
    expect(mixed).toMatchObject({ found: 'both' });
  });

  it('may not hold a % that begins no code: the password would be another, or the error a bare one (L12)', () => {
    for (const SOURCE of [
      'redis://u:hunter%2@v1',
      'redis://hunter%:x@v1',
      'redis+sentinel://u:hunter%zz@s1/mine',
    ])
      expect(storeUrlProblem('${SOURCE}', { SOURCE })).toEqual({
        expected: expect.stringContaining('% as %25') as string,
        found: 'a % that begins no such code',
      });
    expect(storeUrlProblem('redis://jday:${SECRET}@v1', { SECRET: '100%' })?.found).toContain('a %');
  });

  it('shows nothing of the password that a variable holds (L12)', () => {
    const broken = [
      ...[
        'redis://u:hunter2@v1:bad',
        'redis://u:hunter2/3@v1',
        'redis://u:hunter2?x@v1',
        'redis://u:hunter2#@v1',
      ],
      ...['http://u:hunter2@v1', 'hunter2'],
    ];
    for (const SOURCE of broken) {
      const problem = storeUrlProblem('${SOURCE}', { SOURCE });
      expect(problem).not.toBeNull();
      expect(JSON.stringify(problem)).not.toContain('hunter');
    }
  });
});
