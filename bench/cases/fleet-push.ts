// SPDX-License-Identifier: Apache-2.0
// Nodes that push their rows into a fleet, all at once, each one body after the other. What they send is made and packed before the clock starts.
import { createFleetNode, rowsOfRequest, type FleetShape } from '../subjects/fleet-rows.ts'
import { bodyOf, packed, pushAll, type Packing } from '../subjects/push.ts'
import { answer } from './answer.ts'

export interface FleetPushParams {
  readonly url: string
  readonly packing: Packing
  readonly nodes: readonly { readonly node: number; readonly credential: string }[]
  /** The requests of which each node has the audit rows. */
  readonly shape: FleetShape
  /** Of one body, as a shipper sends at most. */
  readonly rowsPerBody: number
}

export interface FleetPushResult {
  readonly rows: number
  readonly rowsPerSecond: number
}

await answer(
  async ({ url, packing, nodes, shape, rowsPerBody }: FleetPushParams): Promise<FleetPushResult> => {
    let rows = 0
    const work = nodes.map(({ credential, node: number }) => {
      const node = createFleetNode(shape, number)
      const bodies: Buffer[] = []
      const step = Math.floor(rowsPerBody / rowsOfRequest.audit)
      for (let done = 0; done < shape.requests; done += step) {
        const from = node.head('audit').size
        const leaves = node.next(Math.min(step, shape.requests - done)).audit.map(({ leaf }) => leaf)
        rows += leaves.length
        const section = { log: node.logs.audit, from, checkpoint: node.checkpoint('audit'), leaves }
        bodies.push(packed(bodyOf([section]), packing))
      }
      return { credential, bodies }
    })
    const start = performance.now()
    await Promise.all(work.map(({ credential, bodies }) => pushAll(url, credential, bodies, packing)))
    return { rows, rowsPerSecond: (rows / (performance.now() - start)) * 1000 }
  },
)
