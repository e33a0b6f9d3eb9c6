import { describe, expect, it } from 'vitest';
import { PHASES } from '../../domain/plan/plan.ts';
import { expectedOutcomes } from '../../rehearsal/main.ts';
import { parseOptions, USAGE } from '../../rehearsal/options.ts';

describe('the options of a rehearsal', () => {
  it('without any, fills 20 000 keys on three servers and lives days of two seconds', () => {
    expect(parseOptions([])).toMatchObject({
      keys: 20_000,
      day: '1500ms',
      abortAt: null,
      corrupt: false,
      shared: false,
      keep: false,
    });
  });

  it('takes each phase before the end as the place of an abort', () => {
    for (const phase of PHASES.filter((each) => each !== 'complete'))
      expect(parseOptions(['--abort-at', phase])).toMatchObject({ abortAt: phase });
  });

  it.each([
    [['--abort-at', 'complete'], '--abort-at'],
    [['--abort-at', 'lunch'], 'lunch'],
    [['--keys', '12'], '--keys'],
    [['--keys', 'many'], 'many'],
    [['--day', 'long'], '--day'],
    [['--day', '0s'], '--day'],
    [['--corrupt', '--abort-at', 'watch'], 'choose one'],
    [['--faster'], '--faster'],
  ])('answers %j with a sentence that names what is wrong', (argv, named) => {
    expect(parseOptions(argv)).toContain(named);
  });

  it('shows its usage when asked', () => {
    expect(parseOptions(['--help'])).toBe(USAGE);
  });

  it('expects an abort before the flip to end aborted, after it and by damage rolled back', () => {
    expect(expectedOutcomes({ abortAt: null, corrupt: false })).toEqual(['completed']);
    expect(expectedOutcomes({ abortAt: 'sync', corrupt: false })).toEqual(['aborted']);
    expect(expectedOutcomes({ abortAt: 'watch', corrupt: false })).toEqual(['rolled-back']);
    expect(expectedOutcomes({ abortAt: null, corrupt: true })).toEqual(['rolled-back']);
  });
});
