// Every view, in the order of the navigation; one without a title is reached from another.
//
//   name      in the address            needs   endpoints without which it is of no use
//   every     seconds between looks     load    asks, returns plain data
//   controls  made once per visit       render  makes elements of what load returned

import alerts from "./alerts.js";
import audit from "./audit.js";
import circuits from "./circuits.js";
import overview from "./overview.js";
import pauses from "./pauses.js";
import payment from "./payment.js";
import payments from "./payments.js";
import reviews from "./reviews.js";

export const VIEWS = [overview, payments, payment, reviews, alerts, circuits, pauses, audit];
