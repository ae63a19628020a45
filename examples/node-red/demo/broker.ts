// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Aedes } from 'aedes'

export interface Broker {
  readonly port: number
  /** Hangs up on every client. The broker's own timer keeps this process alive until then. */
  close(): Promise<void>
}

/** The plant's MQTT broker, in this process, on a free port of the loopback. */
export async function startBroker(): Promise<Broker> {
  const broker = await Aedes.createBroker()
  const server = createServer(broker.handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close()
      await new Promise<void>((resolve) => broker.close(() => resolve()))
    },
  }
}
