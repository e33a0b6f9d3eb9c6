import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planSchema } from '../../../domain/plan-file/plan-schema.ts';

type Shape = {
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
};

const page = readFileSync(new URL('../../../docs/plan.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| `'));

describe('docs/plan.md', () => {
  it('lists every field of the plan with its default and its meaning, in order, and no other', () => {
    expect(rows).toEqual(
      rowsOf(z.toJSONSchema(planSchema, { io: 'input', unrepresentable: 'any' }) as Shape, ''),
    );
  });

  it('is about a schema in which every field says what it means', () => {
    expect(rows.length).toBeGreaterThan(40);
    expect(rows.filter((row) => row.includes('undefined'))).toEqual([]);
  });
});

function rowsOf(shape: Shape, path: string): readonly string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const list = field.items?.properties ? '[]' : '';
    const here = `${path === '' ? '' : `${path}.`}${name}${list}`;
    const required = shape.required?.includes(name) ?? false;
    const row = `| \`${here}\` | ${required ? 'required' : defaultOf(field)} | ${field.description} |`;
    return [row, ...rowsOf(list ? (field.items ?? {}) : field, here)];
  });
}

function defaultOf({ default: value }: Shape): string {
  if (value === undefined) return '–';
  if (value === '') return 'empty';
  if (JSON.stringify(value) === '{}') return 'as below';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
