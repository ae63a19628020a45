// SPDX-License-Identifier: Apache-2.0
// A shop of three services on three nodes, and the fleet that gathers what they write. Stays up until Ctrl-C; with --once it checks a list of
// expectations instead and ends, with exit code 0 only if all of them hold.
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { judgeAll } from '../stage/expectation.ts'
import { freshFolder, shown } from '../stage/folder.ts'
import { command, heading, progress, say, tellAnswer } from '../stage/screen.ts'
import { finalExpectations, liveExpectations } from './demo/expectations.ts'
import { showFleetCommand, typedFleet } from './demo/fleet-command.ts'
import { placeOrders } from './demo/orders.ts'
import { nodes, startScene, type Scene } from './demo/scene.ts'

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
process.exitCode = await play(values.once)

async function play(isOnce: boolean): Promise<number> {
  const folder = freshFolder(import.meta.dirname)
  heading('A fleet with a Postgres of its own, and three nodes that ship to it')
  const scene = await progress('starting them', startScene(folder), ({ operator }) => {
    return `${Object.values(nodes).join(', ')} ship to ${operator['FLEET_URL'] ?? ''}`
  })
  const stopped = stopOnSignal(scene)
  // Somebody has lost patience: nothing was shown to hold.
  if (isOnce) void stopped.then(() => process.exit(130))
  heading('What customers did; half-way the fleet is killed and started again')
  const orders = await placeOrders(scene, tellAnswer)
  heading('Expectations')
  let failed = await judgeAll(liveExpectations(scene, orders))
  await showEvidence(scene, orders.delivered)
  if (!isOnce) showDoors(scene)
  const endings = await (isOnce ? scene.stop() : stopped)
  failed += await judgeAll(finalExpectations(endings))
  say(
    failed === 0
      ? '\nEvery expectation held.'
      : `\n${failed} expectations did not hold; what the nodes wrote is in ${shown(folder)}`,
  )
  if (failed === 0) rmSync(folder, { recursive: true })
  return failed === 0 ? 0 : 1
}

/** The same commands a visitor would type. */
async function showEvidence({ operator }: Scene, requestId: string): Promise<void> {
  for (const [title, ...words] of [
    ['One id, three nodes, three streams', 'query', '--req', requestId, '--stream', 'all'],
    ['Whom the fleet hears from', 'nodes'],
    ['Is all of it still what was written?', 'verify'],
  ] as const) {
    heading(title)
    command(`fleet ${words.join(' ')}`)
    await showFleetCommand(operator, ...words)
  }
}

function showDoors({ operator, shop }: Scene): void {
  heading('It is yours until Ctrl-C')
  say('  Ask it yourself:')
  for (const [name, value] of Object.entries(operator)) command(`export ${name}=${value}`)
  command(`${typedFleet()} tail`)
  say('  and order something:')
  command(`curl -i -d '{"id":"o-99","customer":"you","item":"tea","cents":450,"card":"good"}' ${shop}`)
}

/** Resolves with what ended each process, once somebody has asked for the end. */
function stopOnSignal(scene: Scene): ReturnType<Scene['stop']> {
  return new Promise((resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        scene.stop().then(resolve, reject)
      })
    }
  })
}
