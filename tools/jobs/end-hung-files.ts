// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { env, kill, pid as ownPid } from 'node:process'

interface Process {
  readonly pid: number
  readonly parent: number
  readonly ageMs: number
  /** What it was started as. */
  readonly command: string
  /** The process of the test file that it was started for. */
  readonly owner: number
}

/** The variable that carries a run and a test file, as two process ids, to whatever that file starts; note-processor-time.mjs sets it. */
const mark = 'TALLY_STARTED_FOR='

/**
 * Ends test files that are still there after so long, with all that they started, and what files that have ended left running; says so each time. Node's own limit sends
 * the file alone a signal, which it may have taken over, and then waits for everybody who still holds its output: such a file would keep its place for good.
 * Looks every ten seconds; where the system has no /proc, node's own limit is all there is.
 */
export function endHungFiles(limitMs: number): void {
  if (!existsSync('/proc/self/stat')) return
  env['TALLY_RUN'] = String(ownPid)
  let seenLeft = new Set<number>()
  const look = (): void => {
    const all = processes()
    const files = all.filter(({ parent }) => parent === ownPid)
    for (const { pid, command, ageMs } of files.filter(({ ageMs: age }) => age > limitMs)) {
      say(`not ended after ${Math.round(ageMs / 1000)} s, so it is, with all that it started: ${command}`)
      for (const each of startedBy(pid, all)) end(each)
    }
    const running = new Set(files.map(({ pid }) => pid))
    const left = all.filter(({ owner }) => owner !== 0 && !running.has(owner))
    // Seen twice in a row: what is about to end by itself may.
    for (const { pid, command } of left.filter((each) => seenLeft.has(each.pid))) {
      say(`left running by a test file that has ended, so it is ended: ${command}`)
      end(pid)
    }
    seenLeft = new Set(left.map(({ pid }) => pid))
  }
  setInterval(look, 10_000).unref()
}

/** Itself, what it started, and what was started for it and has lost its parent. */
function startedBy(pid: number, all: readonly Process[]): readonly number[] {
  const found = new Set([pid])
  for (let before = 0; before < found.size;) {
    before = found.size
    for (const each of all) if (found.has(each.parent) || found.has(each.owner)) found.add(each.pid)
  }
  return [...found]
}

function processes(): readonly Process[] {
  const upMs = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => readProcess(Number(pid), upMs))
}

function readProcess(pid: number, upMs: number): readonly Process[] {
  try {
    // Behind the name in brackets, which may hold anything: the state, the parent, and far behind the start in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    const [run, owner] = (variables.find((each) => each.startsWith(mark)) ?? '').slice(mark.length).split(' ')
    return [
      {
        pid,
        parent: Number(fields[1]),
        ageMs: upMs - Number(fields[19]) * 10,
        command: readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(-90),
        owner: run === String(ownPid) ? Number(owner) : 0,
      },
    ]
  } catch (error) {
    // It has ended meanwhile, or belongs to somebody else.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return []
    throw error
  }
}

function end(pid: number): void {
  try {
    kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const say = (text: string): void => void process.stdout.write(`\n${text}\n\n`)
