// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Aedes } from 'aedes'

export interface Broker {
  readonly url: string
  close(): Promise<void>
}

/** An MQTT broker in this process, on a port that the system chose. */
export async function startBroker(): Promise<Broker> {
  const broker = await Aedes.createBroker()
  const server = createServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve))
      server.close()
      await once(server, 'close')
    },
  }
}
