import { interpolate, splitUrls, UnsetVariable } from './environment.ts';

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

type Environment = Readonly<Record<string, string | undefined>>;
type UrlProblem = { readonly expected: string; readonly found: string };

/**
 * What is wrong with the URL reference of a store. The URL is filled in for the look only; neither it nor any
 * part of it stands in the answer (L12). That of a cluster may be several.
 */
export function storeUrlProblem(
  reference: string,
  environment: Environment,
  cluster = false,
): UrlProblem | null {
  const urlsIn = (text: string) => (cluster ? splitUrls(text) : [text]);
  const written = reference.replace(REFERENCE, (_whole, _name, fallback?: string) => fallback ?? '');
  if (urlsIn(written).some(hasPassword)) {
    return {
      expected: 'the password as ${NAME}, because everybody who sees the history sees the plan',
      found: 'a literal password',
    };
  }
  try {
    const filled = urlsIn(interpolate(withoutSecrets(reference, environment), environment));
    return filled.map(syntaxProblem).find((problem) => problem !== null) ?? null;
  } catch (error) {
    if (!(error instanceof UnsetVariable)) throw error;
    return unset(error.variable);
  }
}

export function unset(variable: string): UrlProblem {
  return {
    expected: `${variable} in the environment, or a default as in \${${variable}:-default}`,
    found: `${variable} not set`,
  };
}

/** Only workers need users and passwords: here a name of that part may be unset. */
function withoutSecrets(reference: string, environment: Environment): string {
  const userAndPassword = /^rediss?:\/\/.*@/.exec(reference)?.[0] ?? '';
  const filled = userAndPassword.replace(REFERENCE, (whole, name: string, fallback?: string) =>
    environment[name] || fallback !== undefined ? whole : 'unset',
  );
  return filled + reference.slice(userAndPassword.length);
}

function hasPassword(url: string): boolean {
  const [, userAndPassword] = /^[a-z]+:\/\/(.*)@/i.exec(url) ?? [];
  return /:./.test(userAndPassword ?? '') || /[?&]password=[^&]/i.test(url);
}

function syntaxProblem(text: string): UrlProblem | null {
  if (!/^rediss?:\/\//.test(text)) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
    return { expected: 'a redis:// or rediss:// URL', found: scheme ? `a ${scheme} URL` : 'no URL' };
  }
  if (text.includes('${')) return { expected: '${NAME} or ${NAME:-default}', found: 'an unclosed ${' };
  const url = parsed(text);
  if (url === null) {
    return { expected: 'a URL, special characters of a password as %xx', found: 'one that cannot be read' };
  }
  if (url.hostname === '') return { expected: 'a host', found: 'none' };
  if (!/^\/?\d*$/.test(url.pathname)) {
    return { expected: 'a database number after the host, such as /0', found: 'something that is no number' };
  }
  return null;
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
