import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../client/plan-file.ts';
import { planProblems as problems, SMALL } from '../support/plans/small-plan.ts';

describe('the hooks of traffic', () => {
  const hooks = (text: string) => `${SMALL}traffic:\n  - ${text}\n`;
  const environment = { TRAFFIC_TOKEN: 'hunter2', TRAFFIC_URL: 'https://router/?token=hunter2' };

  it('stay references, so that the history of the workflow holds no token (L12)', () => {
    const text = `${hooks('webhook: "https://router/hook?token=${TRAFFIC_TOKEN}"')}  - webhook: \${TRAFFIC_URL}
  - command: [/usr/local/bin/switch, "\${TRAFFIC_TOKEN}"]
`;
    const { traffic } = parsePlan(text, environment, 'p.yaml');
    expect(traffic).toEqual([
      { kind: 'webhook', url: 'https://router/hook?token=${TRAFFIC_TOKEN}' },
      { kind: 'webhook', url: '${TRAFFIC_URL}' },
      { kind: 'command', command: ['/usr/local/bin/switch', '${TRAFFIC_TOKEN}'] },
    ]);
    expect(parsePlan(text, {}, 'p.yaml').traffic).toEqual(traffic);
  });

  it.each([
    [
      'webhook: "https://router/hook?token=hunter2"',
      'traffic[0].webhook: expected an http:// or https:// URL',
    ],
    ['webhook: "${TRAFFIC_URL:-https://router/?api_key=hunter2}"', 'traffic[0].webhook: expected an http://'],
    ['webhook: "https://router/${"', 'traffic[0].webhook: expected an http:// or https:// URL'],
    [
      'webhook: "https://router/${SOURCE_V1}"',
      'traffic[0].webhook: expected variables TRAFFIC_… only, found SOURCE_V1',
    ],
    [
      'command: [switch, v2]',
      'traffic[0].command: expected the absolute path of a program and its arguments',
    ],
    ['command: [/bin/switch, "${V2_PASSWORD}"]', 'traffic[0].command[1]: expected variables TRAFFIC_… only'],
  ])('%s is told', (line, expected) => {
    const lines = problems(hooks(line), environment);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
    expect(lines[0]).not.toContain('hunter2');
  });

  it('lend no variable to a store', () => {
    const lines = problems(SMALL.replace('redis://v2', '"${TRAFFIC_URL:-redis://v2}"'));
    expect(lines).toEqual([
      expect.stringMatching(/stores\[1\]\.url: expected no variable TRAFFIC_…: .* found TRAFFIC_URL$/),
    ]);
  });
});
