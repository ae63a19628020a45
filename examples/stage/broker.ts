// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Aedes } from 'aedes'

export interface Broker {
  /** e.g. `mqtt://127.0.0.1:40123` */
  readonly url: string
  readonly port: number
  /** Resolves when nothing of it is left; until then it keeps the process alive. */
  close(): Promise<void>
}

/** An MQTT broker in this process, on a port that the system chose. */
export async function startBroker(): Promise<Broker> {
  const broker = await Aedes.createBroker()
  const server = createServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve))
      server.close()
      await once(server, 'close')
    },
  }
}
