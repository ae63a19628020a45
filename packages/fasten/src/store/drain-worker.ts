// SPDX-License-Identifier: Apache-2.0
/** Entry of the drainer thread: opens the spool and the store named in its data and moves rows until told to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { askRunner, createDrainRunner, toPlainError } from './drain-runner.ts'
import { createDrainShared } from './drain-shared.ts'
import type { DrainOrder, DrainReport, DrainThreadData } from './drain-thread.ts'
import { openSigning } from './keys/signing.ts'
import { openStore, sealingOf } from './open.ts'
import { createSystemClock, createSystemIds, sha256 } from './platform.ts'
import { spoolDirectory } from './spool/layout.ts'
import { createSpoolReader } from './spool/reader.ts'

const port = parentPort
if (port) {
  const data = workerData as DrainThreadData
  const say = (report: DrainReport): void => port.postMessage(report)
  const parts = { digest: sha256, clock: createSystemClock(), ids: createSystemIds() }
  const signing = data.target.signing && openSigning(data.target.signing, parts.ids)
  const runner = createDrainRunner({
    root: data.root,
    reader: createSpoolReader(data.spool, spoolDirectory(data.root, data.spool)),
    shared: createDrainShared(data.shared),
    openStore: () => openStore(data.target, { ...parts, signing }),
    sealing: signing && sealingOf(data.target, signing, data.sealing),
    retention: data.retention,
    fleet: data.fleet,
    clock: parts.clock,
    ids: parts.ids,
    rowsMax: data.rowsMax,
    lingerMs: data.lingerMs,
    adopts: true,
    onEvent: (event) => say({ kind: 'event', event }),
    onProgress: () => say({ kind: 'progress' }),
    onMoved: (rows) => say({ kind: 'moved', rows }),
  })
  port.on('message', (order: DrainOrder) => {
    switch (order.kind) {
      case 'wake':
        return runner.wake()
      case 'hurry':
        return runner.hurry()
      case 'ask':
        return void askRunner(runner, order.question).then(
          (answer) => say({ kind: 'answer', token: order.token, answer }),
          (error: unknown) =>
            say({ kind: 'answer', token: order.token, answer: null, error: toPlainError(error) }),
        )
      case 'stop':
        return void runner.stop(order.timeoutMs).finally(() => {
          say({ kind: 'stopped' })
          port.close()
        })
    }
  })
  // Spools of dead processes are looked for at once, before there is anything of our own.
  runner.hurry()
}
