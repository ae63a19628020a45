// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { witnessOptions } from '../witness-options.ts'

export const name = 'witness serve'
export const summary =
  'be a witness: cosign the checkpoints of logs, each only if it continues the one before'
export const description =
  'Speaks the C2SP witness protocol over HTTP (POST add-checkpoint). A witness belongs to somebody else than the logs: a second site, a customer, ' +
  'an auditor. Only checkpoints reach it, no rows. What it cosigned is on its disk before it answers.'
export const isLive = true
export const options: readonly OptionSpec[] = [
  {
    name: 'port',
    value: '<number>',
    summary: 'where to listen; 0 chooses one (default: 8423)',
    range: [0, 65_535],
  },
  { name: 'host', value: '<address>', summary: 'the address to listen on (default: 127.0.0.1)' },
  ...witnessOptions,
]
export const examples = [
  [
    'fasten witness serve --name witness.example.org/w1 --key w1.key --state w1.json --log-key shop.keys',
    'a witness of one shop',
  ],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ witnessOf }, { createWitnessServer }] = await Promise.all([
    import('../witness-options.ts'),
    import('../../store/witness/witness-server.ts'),
  ])
  const { key, answer } = witnessOf(args, world)
  const server = createWitnessServer(answer, (error) => void world.err.line(String(error)))
  server.listen(args.count('port') ?? 8423, args.text('host') ?? '127.0.0.1')
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  await world.out.line(key)
  await world.err.line(
    `listening at http://${address.includes(':') ? `[${address}]` : address}:${port}/add-checkpoint`,
  )
  if (!world.signal.aborted) await once(world.signal, 'abort')
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  return exitCodes.ok
}
