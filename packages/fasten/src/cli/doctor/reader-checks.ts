// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { DoctorReport, Reader } from '../../reader/reader.ts'
import { counted, duration, pairs } from '../print/values.ts'
import { fail, ok, skip, warn, type Check, type Finding } from './check.ts'
import { ago } from './store-checks.ts'

/**
 * What a reader elsewhere says of itself and of the process it lives in, then `further` checks on its rows. The report is asked for
 * once; where there is no answer the first check says why, and the others are skipped.
 */
export function remoteChecks(
  reader: Reader,
  url: string,
  clock: Clock,
  further: readonly Check[],
): readonly Check[] {
  let asked: Promise<DoctorReport> | undefined
  let tookMicros = 0
  const report = (): Promise<DoctorReport> => (asked ??= timed())
  const timed = async (): Promise<DoctorReport> => {
    const startNanos = clock.monotonicNanos()
    const answer = await reader.doctor()
    tookMicros = Number(clock.monotonicNanos() - startNanos) / 1000
    return answer
  }
  const isAnswering = (): Promise<boolean> =>
    report().then(
      () => true,
      () => false,
    )
  const asking = (name: string, judge: (answer: DoctorReport) => Finding): Check => ({
    name,
    run: async () => ((await isAnswering()) ? judge(await report()) : skip('the reader does not answer')),
  })
  return [
    {
      name: 'reader',
      async run() {
        await report()
        return ok(`${url} answered in ${duration(tookMicros)}`, { url, took_us: Math.round(tookMicros) })
      },
    },
    asking('store', (answer) => storeFinding(answer, clock)),
    asking('init', ({ init }) =>
      init === null ? skip('the reader stands apart from the process that writes') : ok(pairs(init), init),
    ),
    asking('queue', queueFinding),
    asking('transport', transportFinding),
    ...further.map(({ name, run }) => ({
      name,
      run: async () => ((await isAnswering()) ? run() : skip('the reader does not answer')),
    })),
  ]
}

function storeFinding({ store }: DoctorReport, clock: Clock): Finding {
  if (!store.reachable)
    return fail(`the reader cannot reach its store: ${store.last_error}`, { detail: store })
  const amount = store.rows === null ? 'readable' : counted(store.rows, 'row')
  const newest = store.last_insert_at === null ? 'no row yet' : `newest ${ago(store.last_insert_at, clock)}`
  return ok(`${store.kind}: ${amount}, ${newest}`, store)
}

function queueFinding({ queue }: DoctorReport): Finding {
  if (queue === null) return skip('the reader does not see the queue')
  const count = (name: string): number => (typeof queue[name] === 'number' ? queue[name] : 0)
  const counts = Object.entries(queue).filter(([, value]) => typeof value === 'number' && value !== 0)
  const message = pairs(Object.fromEntries(counts))
  // The last is what the published SDKs call rows they gave up.
  if (count('refused') + count('quarantined') + count('dead_lettered_total') > 0) {
    return warn(message, {
      hint: 'rows were refused or quarantined; see fasten quarantine list on that host',
      detail: queue,
    })
  }
  if (count('retry_count') > 0)
    return warn(message, { hint: 'rows wait until its store is well again', detail: queue })
  return ok(message === '' ? 'nothing waits' : message, queue)
}

function transportFinding({ transport, redactor, init }: DoctorReport): Finding {
  const message = pairs({ ...transport, redactor: redactor.active ? 'active' : 'inactive' })
  const isOpen = init !== null && !redactor.active
  if (isOpen) return fail(message, { hint: 'the process writes rows without redaction', detail: transport })
  return ok(message, { ...transport, redactor })
}
