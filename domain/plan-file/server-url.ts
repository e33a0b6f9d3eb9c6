/** What is wrong with a URL. It holds no part of the URL but the name of an option. */
export type UrlProblem = { readonly expected: string; readonly found: string };

/** What the URL of one server says, decoded. An empty `username` or `password` means that there is none. */
export type ServerUrl = Login & {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: number;
};

type Login = { readonly username: string; readonly password: string };

const REDIS_PORT = 6379;
const MOST_PORT = 65_535;
const MOST_DATABASE = 2 ** 31 - 1;
const ESCAPED = 'special characters of a user or password as %xx';

/** Returns whether a parser has found a problem instead of a result. */
export function isUrlProblem(parsed: object): parsed is UrlProblem {
  return 'expected' in parsed;
}

/**
 * Parses `redis://user:password@host:port/database`. Only the scheme and the host must be there. It is the only parser
 * of such URLs: a library would take options after `?` without a word, and some of them change what our commands do.
 */
export function parseServerUrl(text: string): ServerUrl | UrlProblem {
  const [, scheme, rest = ''] = /^(rediss?):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) return schemeProblem(text);
  const parts = partsOf(rest);
  if (isUrlProblem(parts)) return parts;
  const place = hostAndPort(parts.place, REDIS_PORT);
  if (place === null) return unreadablePlace(parts.place);
  const database = databaseOf(parts.path);
  if (database === null) {
    return { expected: 'a database number after the host, such as /0', found: 'something that is no number' };
  }
  const { username, password } = parts;
  return { tls: scheme === 'rediss', username, password, ...place, database };
}

/** Writes the URL of a server. `parseServerUrl` reads back the same. */
export function formatServerUrl({ tls, username, password, host, port, database }: ServerUrl): string {
  const secret = password === '' ? '' : `:${encodeURIComponent(password)}`;
  const login = username === '' && secret === '' ? '' : `${encodeURIComponent(username)}${secret}@`;
  const place = host.includes(':') ? `[${host}]` : host;
  return `${tls ? 'rediss' : 'redis'}://${login}${place}:${port}/${database}`;
}

/**
 * Returns the URL of another server, with user, password, database and TLS of the given URL.
 *
 * @throws Error when `text` is no URL of a server
 */
export function urlAt(text: string, host: string, port: number): string {
  const url = parseServerUrl(text);
  if (isUrlProblem(url)) throw new Error('this is no URL of a server');
  return formatServerUrl({ ...url, host, port });
}

function schemeProblem(text: string): UrlProblem {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  return {
    expected: 'a redis:// or rediss:// URL, or redis+sentinel://',
    found: scheme ? `a ${scheme} URL` : 'no URL',
  };
}

type Parts = Login & {
  /** Host and port, or several with commas between. */
  readonly place: string;
  /** Begins with a slash, or is empty. */
  readonly path: string;
};

/** Splits what follows the scheme, and decodes the login. An option is a problem. */
export function partsOf(rest: string): Parts | UrlProblem {
  const [, authority = '', path = '', options = ''] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest) ?? [];
  // An @ behind a slash or a question mark belongs to a password with such a character in it.
  if (/@/.test(path + options)) return { expected: ESCAPED, found: 'a URL that cannot be read' };
  if (options !== '') return optionProblem(options);
  const at = authority.lastIndexOf('@');
  const login = decodedLogin(authority.slice(0, Math.max(0, at)));
  return isUrlProblem(login) ? login : { ...login, place: authority.slice(at + 1), path };
}

function decodedLogin(login: string): Login | UrlProblem {
  const [, username = '', password = ''] = /^([^:]*)(?::(.*))?$/s.exec(login) ?? [];
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return { expected: `${ESCAPED}, and so % as %25`, found: 'a % that begins no such code' };
  }
}

/** Parses `host:port`. A host with a colon stands in brackets. Returns `null` when one of them cannot be read. */
export function hostAndPort(text: string, defaultPort: number): { host: string; port: number } | null {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s,%<>^|\\]+))(?::(\d{1,5})?)?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port < 1 || port > MOST_PORT ? null : { host, port };
}

function unreadablePlace(place: string): UrlProblem {
  if (/^(?::|$)/.test(place)) return { expected: 'a host', found: 'none' };
  const expected = `host:port with a port from 1 to ${MOST_PORT}, ${ESCAPED}`;
  return { expected, found: 'one that cannot be read' };
}

/** Returns the number behind a slash; 0 when there is none; `null` when there is something else. */
export function databaseOf(path: string): number | null {
  if (!/^\/?\d{0,10}$/.test(path)) return null;
  const database = Number(path.slice(1));
  return database > MOST_DATABASE ? null : database;
}

/** What to write instead of an option that other programs know. */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/^db$|^database$/i, 'the database number after the host, such as /0'],
  [/^(user(name)?|pass(word)?|auth)$/i, 'user and password before the host, as in user:${PASSWORD}@host'],
  [/prefix/i, 'keys with their whole names, as in the patterns of the datasets'],
  [/^(tls|ssl)$/i, 'rediss:// as the scheme for TLS'],
  [/^(tls|ssl|ca|cert|key|servername|rejectunauthorized)/i, '`tls` of the store in the plan'],
];

function optionProblem(options: string): UrlProblem {
  const [, name] = /^\?([A-Za-z][\w.-]{0,30})(?:=|&|$)/.exec(options) ?? [];
  const [, instead] = INSTEAD.find(([option]) => option.test(name ?? '')) ?? [];
  return {
    expected: instead === undefined ? 'nothing after ? or #' : `${instead}, and nothing after ? or #`,
    found: name === undefined ? 'something' : `the option ${name}`,
  };
}
