/** What a run of the long proofs has found: its record `proof.json`, and the table at its end. */
import { filesOf, PART_NAMES, type Part, quarantined } from './proofs.ts';

export interface ProvedFile {
  /** Relative to the repository. */
  readonly file: string;
  readonly seconds: number;
  /** Number of tests that passed. */
  readonly passed: number;
  /** Number of tests that were not run. */
  readonly skipped: number;
  readonly failures: readonly ProofFailure[];
  /** What its tests went through, by the unit: states, schedules, … */
  readonly sizes: Readonly<Record<string, number>>;
  /** The first seed of each test with random cases. */
  readonly seeds: readonly number[];
}

export interface ProofFailure {
  /** Name of the test, or of the group of tests whose hook failed; '' when the file itself failed. */
  readonly test: string;
  readonly error: string;
  /** The first seed of its random cases. */
  readonly seed?: number;
}

export interface Proof {
  /** The commit that was proved. With changes that are not committed it ends with `+changes`. */
  readonly commit: string;
  readonly node: string;
  /** Versions of the programs that the tests start, by name; null = there is none. */
  readonly servers: Readonly<Record<string, string | null>>;
  readonly files: readonly ProvedFile[];
}

export const isProved = ({ passed, failures }: ProvedFile): boolean => passed > 0 && failures.length === 0;

/** The files of these parts that the proof does not hold yet, or that failed in it. Vitest leaves a quarantined one out. */
export function filesLeft({ files }: Proof, parts: readonly Part[]): readonly string[] {
  const proved = new Set([...files.filter(isProved), ...quarantined].map(({ file }) => file));
  return parts.flatMap(filesOf).filter((file) => !proved.has(file));
}

/** Returns the proof with these files. A later result of a file takes the place of an earlier one. */
export function proofWith(proof: Proof, proved: readonly ProvedFile[]): Proof {
  const files = new Map([...proof.files, ...proved].map((one) => [one.file, one]));
  return { ...proof, files: [...files.values()] };
}

/** Returns the proof without the results of these parts. */
export function proofWithout(proof: Proof, parts: readonly Part[]): Proof {
  const named = new Set(parts.flatMap(filesOf));
  return { ...proof, files: proof.files.filter(({ file }) => !named.has(file)) };
}

/**
 * A run that failed though no test did has an error that belongs to no test, or has left a process behind. Nobody knows
 * in which file, so none of them is proved.
 *
 * @param code exit code of vitest; null = a signal has ended it
 */
export function explained(ended: readonly ProvedFile[], code: number | null): readonly ProvedFile[] {
  if (code === 0 || ended.some(({ failures }) => failures.length > 0)) return ended;
  const error = `the run ended with ${code === null ? 'a signal' : `exit code ${code}`}, though no test failed: see its output`;
  return ended.map((one) => ({ ...one, failures: [{ test: '', error }] }));
}

/** The table: part, files, seconds, failures, size and seeds. Below it stand the failures, each with the command that repeats it. */
export function tableOf(proof: Proof, parts: readonly Part[] = PART_NAMES): readonly string[] {
  const rows = parts.map((part) => rowOf(part, proof));
  const failures = proof.files.filter(({ file }) => parts.flatMap(filesOf).includes(file)).flatMap(repeatOf);
  return [row('part', 'files', 'seconds', 'failures', 'size'), ...rows, ...failures];
}

function rowOf(part: Part, proof: Proof): string {
  const all = filesOf(part);
  const ended = proof.files.filter(({ file }) => all.includes(file));
  const sizes: Record<string, number> = { tests: 0 };
  for (const { passed, sizes: own } of ended)
    for (const [unit, many] of [['tests', passed] as const, ...Object.entries(own)])
      sizes[unit] = (sizes[unit] ?? 0) + many;
  const sum = (of: (file: ProvedFile) => number) => String(ended.reduce((all, one) => all + of(one), 0));
  return row(
    part,
    `${ended.filter(isProved).length} of ${all.length}`,
    sum(({ seconds }) => seconds),
    sum(({ failures }) => failures.length),
    [
      ...Object.entries(sizes).map(([unit, many]) => `${many} ${unit}`),
      ...new Set(ended.flatMap(({ seeds }) => seeds).map((seed) => `seeds from ${seed}`)),
    ].join(', '),
  );
}

function row(part: string, files: string, seconds: string, failures: string, size: string): string {
  return `${part.padEnd(10)} ${files.padStart(8)} ${seconds.padStart(8)} ${failures.padStart(9)}  ${size}`;
}

function repeatOf({ file, failures }: ProvedFile): readonly string[] {
  return failures.flatMap(({ test, error, seed }) => [
    `failed: ${file}${test && ` › ${test}`} — ${error}`,
    // With a seed a file runs that case alone, whatever its test is called.
    `  again: ${seed === undefined ? '' : `JDAY_SEED=${seed} `}JDAY_PROOF=full npx vitest run ${file}${test && seed === undefined ? ` -t ${quoted(test)}` : ''}`,
  ]);
}

/**
 * The name of a test as one word of a shell, and as a pattern that only this name matches. `vitest -t` joins the names of
 * groups and test with a blank, where the reports put ` > `.
 */
const quoted = (name: string) =>
  `'${name
    .replaceAll(/[.*+?^$()[\]{}|\\]/g, '\\$&')
    .replaceAll(' > ', ' (> )?')
    .replaceAll("'", "'\\''")}'`;
