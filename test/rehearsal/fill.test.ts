import { describe, expect, it } from 'vitest';
import { type Lensed, lensOf, type Value } from '../../domain/transform/lens.ts';
import { countOf, seedEntries } from '../../rehearsal/fill/data-set.ts';
import { candidate, match, session } from '../../rehearsal/fill/v1.ts';
import { embeddingEntry } from '../../rehearsal/fill/nexten.ts';
import type { AppEntry } from '../../rehearsal/entry.ts';
import { type AppForm, render, renderText } from '../../rehearsal/form.ts';
import { historyId } from '../../rehearsal/check/history.ts';

const base = { seed: 3, now: 1_790_000_000_000 };
const DOCUMENTS = [match, candidate, session].flatMap((make) =>
  Array.from({ length: 60 }, (_, index) => make(base, index)),
);

describe('the data of a rehearsal', () => {
  it('is the same again for the same seed, and other data for another', () => {
    const [one, again, other] = [base, base, { ...base, seed: 4 }].map((each) => [
      ...seedEntries(each, 1_000),
    ]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('has at least as many keys as asked for, each once', () => {
    const entries = [...seedEntries(base, 20_000)];
    expect(entries.length).toBeGreaterThanOrEqual(20_000);
    expect(new Set(entries.map(({ home, key }) => historyId(home, key))).size).toBe(entries.length);
    expect(countOf('session', 20_000)).toBeGreaterThan(2_000);
  });

  it('has what breaks naive copies: every type, bytes that are no text, 1.0, 94.5, big integers, accents, emoji', () => {
    const entries = [...seedEntries(base, 1_000)];
    expect(new Set(entries.map(({ value }) => value.type))).toEqual(
      new Set(['string', 'hash', 'zset', 'set', 'list']),
    );
    const texts = entries
      .map(({ value }) => (value.type === 'string' ? String(value.content) : ''))
      .join('\n');
    for (const wanted of ['1.0', '94.5', '180143985094', 'Éloïse', '🎯', 'compressed:', '\u0004'])
      expect(texts).toContain(wanted);
    expect(entries.some(({ key }) => key.includes('\xff'))).toBe(true);
    expect(entries.some(({ expiresAt }) => expiresAt === null)).toBe(true);
    expect(entries.some(({ expiresAt }) => (expiresAt ?? 0) % 1_000 !== 0)).toBe(true);
    const { value } = embeddingEntry(base, 0);
    expect(value.type === 'string' && value.content.length % 4).toBe(0);
  });

  it.each(['legacy', 'french', 'job_data', 'native'] as const)(
    'holds V1 documents in the %s spelling whose hand-written V2 form is what the transform makes, and back',
    (spelling) => {
      const documents = DOCUMENTS.filter((entry) => entry.spelling === spelling);
      expect(documents.length).toBeGreaterThan(10);
      const lens = lensOf('offers_to_jobs');
      for (const entry of documents) {
        const up = lens?.up(lensValue(entry, 'source'));
        expect(plain(up)).toEqual(shownAs(lensValue(entry, 'target')));
        if (!up?.ok) throw new Error('the transform refused a document of the rehearsal');
        expect(plain(lens?.down(up.value, up.spelling))).toEqual(shownAs(lensValue(entry, 'source')));
      }
    },
  );
});

function lensValue({ value, spelling }: AppEntry, form: AppForm): Value {
  const look = { form, spelling };
  if (value.type === 'string') return { kind: 'string', bytes: render(value.content, look) };
  if (value.type !== 'hash') throw new Error(`a ${value.type} has no transform`);
  const fields = value.fields.map(
    ([name, content]) => [Buffer.from(renderText(name, look)), render(content, look)] as const,
  );
  return { kind: 'hash', fields };
}

function plain(lensed: Lensed | undefined): unknown {
  return lensed?.ok ? shownAs(lensed.value) : lensed;
}

function shownAs(value: Value): unknown {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  return value.kind === 'string'
    ? text(value.bytes)
    : value.fields.map(([name, content]) => [text(name), text(content)]);
}
