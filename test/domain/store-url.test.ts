import { describe, expect, it } from 'vitest';
import { storeUrlProblem } from '../../domain/store-url.ts';

describe('the URL reference of a store', () => {
  it.each([
    ['redis://v1:6379', {}],
    ['redis://v1:6379/2', {}],
    ['rediss://jday:${SECRET}@v1', {}],
    ['rediss://jday:${SECRET}@v1', { SECRET: 'p%40ss' }],
    ['${SOURCE:-redis://v1:6379}', {}],
    ['${SOURCE}', { SOURCE: 'redis://user:secret@v1:6379/1' }],
    ['redis://${USER_NAME}:${SECRET}@${HOST:-v1}/0', {}],
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
    ['redis://v1/${DB', {}, '${NAME}'],
    ['${SOURCE}', {}, 'SOURCE in the environment'],
  ])('%s is not', (reference, environment, expected) => {
    expect(storeUrlProblem(reference, environment)?.expected).toContain(expected);
  });

  it('shows nothing of the password that a variable holds (L12)', () => {
    const broken = ['redis://u:hunter2@v1:bad', 'redis://u:hunter2/3@v1', 'http://u:hunter2@v1', 'hunter2'];
    for (const SOURCE of broken) {
      const problem = storeUrlProblem('${SOURCE}', { SOURCE });
      expect(problem).not.toBeNull();
      expect(JSON.stringify(problem)).not.toContain('hunter');
    }
  });
});
