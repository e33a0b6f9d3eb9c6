import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Returns the paths of all files that are tracked, or new and not ignored. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\n');
  return listed.filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

export function contentOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function jsonOf<T>(path: string): T {
  return JSON.parse(contentOf(path)) as T;
}

/** Returns the code files outside test/. */
export function sourceFiles(): string[] {
  return codeFiles().filter((path) => !path.startsWith('test/'));
}

export function testFiles(): string[] {
  return codeFiles().filter((path) => path.startsWith('test/'));
}

function codeFiles(): string[] {
  return repositoryFiles().filter((path) => /\.(ts|mts|mjs|cjs|lua)$/.test(path));
}

/** Returns a line `path:line: text` for each line of these files that the pattern matches. */
export function places(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    contentOf(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}
