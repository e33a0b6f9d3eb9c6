import { describe, expect, it } from 'vitest';
import { lensOf } from '../../../domain/transform/lens.ts';
import { plainSpelling } from '../../../domain/transform/remembered.ts';
import { OPAQUE, REFUSED } from './golden-untouched.ts';
import { CARRIED } from './golden-vectors.ts';
import { carried, lens, shown, valueOf } from './lens-values.ts';

describe('offers_to_jobs by hand-written vectors (L13)', () => {
  it.each(CARRIED)('carries $what up to V2', ({ source, target }) => {
    expect(shown(carried(lens().up(valueOf(source))).value)).toEqual(shown(valueOf(target)));
  });

  it.each(CARRIED)('brings $what down again to the byte', ({ source, target }) => {
    const { spelling } = carried(lens().up(valueOf(source)));
    expect(spelling.length % 7, 'two bytes, and seven for each place').toBe(spelling === '' ? 0 : 2);
    expect(shown(carried(lens().down(valueOf(target), spelling)).value)).toEqual(shown(valueOf(source)));
  });

  it.each(OPAQUE)('leaves $what alone, both ways and as the same object', ({ value }) => {
    const opaque = valueOf(value);
    const up = carried(lens().up(opaque));
    expect(up.value).toBe(opaque);
    expect(up.spelling).toBe('');
    expect(carried(lens().down(opaque, plainSpelling(0xffff))).value).toBe(opaque);
  });

  it.each(REFUSED)('refuses $what, on both sides, in a sentence without content (L11, L12)', ({ value }) => {
    for (const lensed of [lens().up(valueOf(value)), lens().down(valueOf(value), '')]) {
      expect(lensed.ok).toBe(false);
      if (!lensed.ok) expect(lensed.reason).toMatch(/^[a-z][a-zA-Z ,]+$/);
    }
  });

  it('gives a document born on V2 the spelling of the plan', () => {
    const born = valueOf('{"jobs":[],"matches":[{"job_id":1}],"job_ids":[1],"total_jobs":1}');
    const down = carried(lens().down(born, ''));
    expect(shown(down.value)).toBe(
      '{"offers":[],"matches":[{"offer_id":1}],"offer_ids":[1],"total_offers":1}',
    );
    expect(carried(lens().up(down.value)).spelling).toBe(down.spelling);
  });

  it('gives a V2 document that still says offers its canonical form, and the spelling of V1 on the way down', () => {
    const { spelling } = carried(lens().up(valueOf('{"offres":[]}')));
    const onTarget = valueOf('{"offers":[1]}');
    expect(shown(carried(lens().up(onTarget)).value)).toBe('{"jobs":[1]}');
    expect(shown(carried(lens().down(onTarget, spelling)).value)).toBe('{"offres":[1]}');
  });

  it('remembers the spelling of a name that V2 dropped for a while', () => {
    const { spelling } = carried(lens().up(valueOf('{"offres":[],"offer_id":1}')));
    const dropped = carried(lens().down(valueOf('{"job_id":2}'), spelling));
    expect(shown(carried(lens().down(valueOf('{"jobs":[3]}'), dropped.spelling)).value)).toBe(
      '{"offres":[3]}',
    );
  });

  it('writes both names again after V2 changed what the source said under two', () => {
    const { spelling } = carried(lens().up(valueOf('{"offers":[1],"jobs":[1],"x":2}')));
    const down = carried(lens().down(valueOf('{"y":0,"jobs":[1,2]}'), spelling));
    expect(shown(down.value)).toBe('{"y":0,"offers":[1,2],"jobs":[1,2]}');
  });

  it('moves the second of two equal names behind the first: its place is the one thing not remembered', () => {
    const up = carried(lens().up(valueOf('{"jobs":[1],"x":2,"offers":[1]}')));
    expect(shown(up.value)).toBe('{"jobs":[1],"x":2}');
    expect(shown(carried(lens().down(up.value, up.spelling)).value)).toBe('{"offers":[1],"jobs":[1],"x":2}');
  });

  it.each(['{"job_id":{"job_id":1}}', '{"job_id":1,"job_id":2}', '[{"job_id":{"a":[{"jobs":1}]}}]'])(
    'refuses to write %s under two names at once',
    (text) => {
      const { spelling } = carried(lens().up(valueOf('{"offer_id":1,"job_id":1}')));
      expect(lens().down(valueOf(text), spelling).ok).toBe(false);
    },
  );

  it('spells each place of a mixed document as it was after V2 changed it, a new place as most others', () => {
    const { spelling } = carried(
      lens().up(
        valueOf([
          ['data', '{"a":{"offer_id":1},"b":[{"job_id":1},{"offer_id":2}],"c":[{"job_id":3},{"job_id":4}]}'],
          ['offer_id', '9'],
        ]),
      ),
    );
    const changed = valueOf([
      ['job_id', '10'],
      ['new', '{"job_id":0}'],
      [
        'data',
        '{"c":[{"job_id":3},{"job_id":5},{"job_id":6}],"z":{"job_id":0},"b":[{"x":1,"job_id":1},{"job_id":8}]}',
      ],
    ]);
    expect(shown(carried(lens().down(changed, spelling)).value)).toEqual([
      ['offer_id', '10'],
      ['new', '{"offer_id":0}'],
      [
        'data',
        '{"c":[{"job_id":3},{"job_id":5},{"job_id":6}],"z":{"offer_id":0},"b":[{"x":1,"job_id":1},{"offer_id":8}]}',
      ],
    ]);
    const again = carried(lens().down(changed, spelling));
    expect(again.spelling).toBe(spelling);
  });

  it('refuses what it could remember in no ledger entry', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => (i % 2 ? '{"offer_id":1}' : '{"job_id":1}'));
    const up = lens().up(valueOf(`[${many.join()}]`));
    expect(up).toEqual({ ok: false, reason: 'it spells its names in more ways than can be remembered' });
  });

  it('has no lens for a dataset without transform', () => {
    expect(lensOf('none')).toBeNull();
  });
});
