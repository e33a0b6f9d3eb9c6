import type { Plan } from './plan.ts';

export const DAY_MS = 86_400_000;

/** A duration meant for days of 24 h, at the plan's length of day; never below `floorMs` (where physics asks). */
export function scaled(plan: Pick<Plan, 'dayMs'>, ms: number, floorMs: number): number {
  return Math.max(floorMs, Math.round((ms * plan.dayMs) / DAY_MS));
}

/** The instant of J-Day in ms, for a migration that began at `startedAtMs`. */
export function jDayMs(plan: Plan, startedAtMs: number): number {
  return 'at' in plan.jDay ? Date.parse(plan.jDay.at) : startedAtMs + plan.jDay.inDays * plan.dayMs;
}

/** `J-3`, `J`, `J+2`: the day `nowMs` lies in. Day boundaries count from J-Day's instant. */
export function dayName(plan: Plan, startedAtMs: number, nowMs: number): string {
  const offset = Math.floor((nowMs - jDayMs(plan, startedAtMs)) / plan.dayMs);
  if (offset === 0) return 'J';
  return offset < 0 ? `J${offset}` : `J+${offset}`;
}
