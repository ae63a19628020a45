// SPDX-License-Identifier: Apache-2.0
// oxlint-disable-next-line import/no-unassigned-import -- Nest reads what this puts on Reflect
import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { Controller, Get, Module, Param, Post, Req, Res } from '@nestjs/common'
import { BaseExceptionFilter, NestFactory } from '@nestjs/core'
import type { Request, Response } from 'express'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describeHttpShim, type ShimRoute } from '../../../testing/http-shim-contract.ts'
import { captureView, readableOf } from './fixtures/capture-view.ts'
import { nestFilter, nestShim } from './nest.ts'

/** Decorators applied by hand, since Node.js strips types and keeps no decorators. */
function controllerOf(routes: readonly ShimRoute[]): new () => object {
  class Routes {}
  for (const [place, route] of routes.entries()) {
    const name = `route${place}`
    const handler = async (params: Record<string, string>, req: Request, res: Response): Promise<void> => {
      const answer = await route.handle({
        param: (param) => params[param],
        text: () => text(req),
        hangUp: () => void res.destroy(),
      })
      res.status(answer.status ?? 200).set({ ...answer.headers })
      const readable = readableOf(answer)
      if (readable === undefined) res.send(answer.body)
      else await pipeline(readable, res).catch(() => undefined)
    }
    Object.defineProperty(Routes.prototype, name, { value: handler, writable: true, configurable: true })
    const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, name) ?? {}
    ;(route.method === 'GET' ? Get : Post)(route.path)(Routes.prototype, name, descriptor)
    Param()(Routes.prototype, name, 0)
    Req()(Routes.prototype, name, 1)
    Res()(Routes.prototype, name, 2)
  }
  Controller()(Routes)
  return Routes
}

describeHttpShim(
  {
    name: 'NestJS on Express',
    hasRoutes: true,
    seesBodies: true,
    async start(setup, routes) {
      class App {}
      Module({ controllers: [controllerOf(routes)] })(App)
      const app = await NestFactory.create(App, { logger: false, bodyParser: false })
      app.use(nestShim(setup))
      app.useGlobalFilters(nestFilter(new BaseExceptionFilter(app.getHttpAdapter())))
      await app.listen(0, '127.0.0.1')
      const server = app.getHttpServer() as import('node:http').Server
      return {
        port: (server.address() as AddressInfo).port,
        async close() {
          server.closeAllConnections()
          await app.close()
        },
      }
    },
  },
  captureView,
)
