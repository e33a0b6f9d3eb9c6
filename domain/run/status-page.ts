import { showDuration } from '../plan/duration.ts';
import type { Gate } from '../gates/gate.ts';
import { legalNow, type Message, waivableNow } from './legal-now.ts';
import { type Phase, PHASES } from '../plan/plan.ts';
import { progressOf } from './progress-of.ts';
import { type Progress, sideName } from './progress.ts';
import type { RunState } from './run-state.ts';

const SIGN = { green: '🟢', alert: '🟡', waived: '🟠', red: '🔴', unknown: '⚪' } as const;

/** Returns the Markdown page that the Temporal UI shows as the current details of the run. */
export function statusPage(state: RunState, workflowId: string, nowMs: number): string {
  const progress = progressOf(state, nowMs);
  return [
    headline(state, progress),
    failure(progress),
    phaseTable(state, nowMs),
    numbers(progress),
    gateTable(progress.gates),
    wayBack(progress),
    commands(state, workflowId),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function headline(state: RunState, progress: Progress): string {
  const serves =
    progress.authority === null ? 'who serves is unknown' : `${sideName(progress.authority)} serves`;
  const first = `## ${progress.day} · ${progress.phase} · ${serves} · ${progress.percent} %`;
  const going = state.stop && !state.outcome ? `\n\nGoing back: ${state.stop.reason} (${state.stop.by})` : '';
  const until = progress.waitingFor.until ? ` until ${progress.waitingFor.until}` : '';
  const waits =
    progress.waitingFor.what === 'nothing'
      ? ''
      : `\n\nWaiting for ${progress.waitingFor.what}${until}: ${progress.waitingFor.why}`;
  return `${first}${going}${waits}`;
}

function failure({ lastFailure }: Progress): string {
  return lastFailure === null ? '' : `> 🔴 **${lastFailure}**`;
}

function phaseTable(state: RunState, nowMs: number): string {
  const rows = PHASES.map((phase) => {
    const index = state.entered.findIndex((entry) => entry.phase === phase);
    const begun = state.entered[index]?.atMs;
    if (begun === undefined) return `| ${phase} | | |`;
    const ended = state.entered[index + 1]?.atMs;
    return `| ${mark(state, phase)} | ${new Date(begun).toISOString()} | ${showDuration((ended ?? nowMs) - begun)} |`;
  });
  return ['| phase | began | took |', '|---|---|---|', ...rows].join('\n');
}

function mark(state: RunState, phase: Phase): string {
  return state.phase === phase ? `**▶ ${phase}**` : `✓ ${phase}`;
}

function numbers({ sync, sessions, integrity, compared, impact, throttled }: Progress): string {
  const lines = [
    `- sync: ${sync.copied} of ${sync.total} keys, lag p99 ${shown(sync.lagMs.p99, 'ms')}, ${sync.pending} waiting, ${sync.conflicts} conflicts, ${sync.repaired} repaired, ${sync.quarantined} in quarantine`,
    `- integrity ${shown(integrity, '%')}, of ${shown(compared?.percent ?? null, '%')} of the keys · impact ${impact?.words ?? 'unknown'}`,
    `- sessions: ${shown(sessions.live, 'live')}, ${shown(sessions.migrated, 'on both sides')}, ${shown(sessions.lost, 'lost')}`,
  ];
  const { copyKeysPerSecond, verifyKeysPerSecond } = sync.throttle;
  const bounds = `copy ${bound(copyKeysPerSecond)}, verification ${bound(verifyKeysPerSecond)}`;
  return [...lines, `- throttle: ${bounds}${throttled === null ? '' : `; ${throttled}`}`].join('\n');
}

function bound(keysPerSecond: number): string {
  return keysPerSecond === 0 ? 'without limit' : `≤ ${keysPerSecond} keys/s`;
}

function shown(value: number | null, unit: string): string {
  return value === null ? 'unknown' : `${Math.round(value * 100) / 100} ${unit}`;
}

function gateTable(gates: readonly Gate[]): string {
  if (gates.length === 0) return '';
  const rows = gates.map(
    (gate) =>
      `| ${SIGN[gate.verdict]} ${gate.name} | ${gate.value === null ? '–' : shown(gate.value, '')} | ${gate.limit} | ${gate.reason} |`,
  );
  return ['| gate | value | limit | |', '|---|---|---|---|', ...rows].join('\n');
}

function wayBack({ rollback }: Progress): string {
  const estimate = rollback.estimateMs === null ? '' : `, about ${showDuration(rollback.estimateMs)}`;
  const risk = rollback.writesAtRisk ? `, ${rollback.writesAtRisk} writes still to carry` : '';
  const window = rollback.windowEndsAt === null ? '' : `, window until ${rollback.windowEndsAt}`;
  return `**Way back:** ${rollback.lossless ? 'lossless' : 'not known to be lossless'}${estimate}${risk}${window}`;
}

function commands(state: RunState, workflowId: string): string {
  const lines = legalNow(state).map((message) => commandOf(message, state, workflowId));
  return lines.length === 0 ? '' : ['```sh', ...lines, '```'].join('\n');
}

function waitsForDecision(state: RunState): boolean {
  const { what } = progressOf(state, state.startedAtMs).waitingFor;
  return what === 'resume' && state.paused === null && state.questions.length === 0;
}

/** Returns the line that an operator pastes into a shell. The Temporal CLI alone is enough. */
function commandOf(message: Message, state: RunState, workflowId: string): string {
  if (message === 'abort') return `temporal workflow signal -w ${workflowId} --name abort --input '"why"'`;
  const input: Readonly<Record<Exclude<Message, 'abort'>, object>> = {
    approve: { gate: state.waitingFor.gate, by: 'you', reason: 'why' },
    waive: { gate: waivableNow(state)[0], by: 'you', reason: 'why' },
    pause: { by: 'you', reason: 'why' },
    resume: waitsForDecision(state) ? { accept: 'restore', by: 'you', reason: 'why' } : { by: 'you' },
    configure: { copyKeysPerSecond: 5_000, by: 'you' },
    extendWindow: { days: 1, by: 'you' },
    rollback: { by: 'you', reason: 'why' },
    complete: { by: 'you', reason: 'why' },
  };
  return `temporal workflow update execute -w ${workflowId} --name ${message} --input '${JSON.stringify(input[message])}'`;
}
