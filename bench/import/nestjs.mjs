import "reflect-metadata";
import { NestFactory } from "@nestjs/core";

void NestFactory;
