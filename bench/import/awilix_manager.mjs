import { createContainer } from "awilix";
import { AwilixManager } from "awilix-manager";

void [createContainer, AwilixManager];
