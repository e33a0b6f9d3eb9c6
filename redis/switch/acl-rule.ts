/**
 * The tokens of a rule line of ACL LIST, `user <name> on #… ~* &* +@all (+get ~x)`, without `user <name>`. A
 * selector in parentheses is one token, though it holds spaces.
 */
export function ruleTokens(line: string): readonly string[] {
  return (line.match(/\([^)]*\)|\S+/g) ?? []).slice(2);
}

/** The line of one user in the reply of ACL LIST; `null` = there is no such user. */
export function ruleLineOf(lines: readonly string[], user: string): string | null {
  return lines.find((line) => line.split(' ')[1] === user) ?? null;
}
