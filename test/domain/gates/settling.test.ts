import { describe, expect, it } from 'vitest';
import { type DifferentKey, settle, type Unsettled } from '../../../domain/gates/settling.ts';

const RULES = { retryWindowMs: 1_000, hotAfterChanges: 3 };

type Given = Partial<DifferentKey> & Pick<DifferentKey, 'at'>;

function after(looks: readonly Given[]): Unsettled {
  const [first, ...rest] = looks.map((look) => ({ mark: 'm', behind: false, ...look }));
  if (first === undefined) throw new Error('no look');
  return rest.reduce((state, look) => settle(state, look, RULES), settle(null, first, RULES));
}

describe('L7 a difference becomes a divergence only when it is stable', () => {
  it.each([
    { name: 'a first look is never a divergence', looks: [{ at: 0 }], verdict: 'pending' },
    {
      name: 'nor is any look within the window',
      looks: [{ at: 0 }, { at: 500 }, { at: 999 }],
      verdict: 'pending',
    },
    {
      name: 'an authority unchanged over the whole window is',
      looks: [{ at: 0 }, { at: 1_000 }],
      verdict: 'diverged',
    },
    {
      name: 'a change of the authority begins the window anew',
      looks: [{ at: 0 }, { at: 900, mark: 'n' }, { at: 1_800, mark: 'n' }],
      verdict: 'pending',
    },
    {
      name: 'and the new window ends like the first',
      looks: [{ at: 0 }, { at: 900, mark: 'n' }, { at: 1_900, mark: 'n' }],
      verdict: 'diverged',
    },
    {
      name: 'no time counts while the sync is behind',
      looks: [{ at: 0 }, { at: 5_000, behind: true }, { at: 5_900 }],
      verdict: 'pending',
    },
    {
      name: 'changes at every look are hot',
      looks: [{ at: 0 }, { at: 1, mark: 'b' }, { at: 2, mark: 'c' }, { at: 3, mark: 'd' }],
      verdict: 'hot',
    },
    {
      name: 'a hot key that comes to rest and still differs is diverged',
      looks: [
        { at: 0 },
        { at: 1, mark: 'b' },
        { at: 2, mark: 'c' },
        { at: 3, mark: 'd' },
        { at: 1_003, mark: 'd' },
      ],
      verdict: 'diverged',
    },
    {
      name: 'a diverged key whose authority changes is on its way again',
      looks: [{ at: 0 }, { at: 1_000 }, { at: 1_100, mark: 'n' }],
      verdict: 'pending',
    },
  ])('$name', ({ looks, verdict }) => {
    expect(after(looks).verdict).toBe(verdict);
  });

  it('looks come soon at first, rarer with age, and at least four times in a window', () => {
    expect(after([{ at: 100 }]).nextLookAt).toBe(125);
    expect(after([{ at: 0 }, { at: 200 }]).nextLookAt).toBe(300);
    expect(after([{ at: 0 }, { at: 900 }]).nextLookAt).toBe(1_150);
    expect(after([{ at: 0 }, { at: 1_000 }]).nextLookAt).toBe(2_000);
  });
});
