"""The words that Smart Data Models allow in the coded fields of parking entities, as of its common schema.

After dataModel.Parking of Smart Data Models (FIWARE Foundation, TM Forum, IUDX, OASC; CC BY 4.0).
"""

from __future__ import annotations

from typing import Literal

# fmt: off
AcceptedPaymentMethod = Literal[
    "ByBankTransferInAdvance", "ByInvoice", "Cash", "CheckInAdvance", "COD", "DirectDebit",
    "GoogleCheckout", "PayPal", "PaySwarm",
]
OnStreetAllowedVehicleType = Literal[
    "agriculturalVehicle", "anyVehicle", "articulatedVehicle", "bicycle", "bus", "car", "caravan",
    "carOrLightVehicle", "carWithCaravan", "carWithTrailer", "constructionOrMaintenanceVehicle",
    "fourWheelDrive", "highSidedVehicle", "lorry", "moped", "motorcycle", "motorcycleWithSideCar",
    "motorscooter", "tanker", "threeWheeledVehicle", "trailer", "tram", "twoWheeledVehicle", "van",
    "vehicleWithCatalyticConverter", "vehicleWithoutCatalyticConverter", "vehicleWithCaravan",
    "vehicleWithTrailer", "withEvenNumberedRegistrationPlates", "withOddNumberedRegistrationPlates",
    "other",
]
OffStreetAllowedVehicleType = Literal[
    "agriculturalVehicle", "anyVehicle", "bicycle", "bus", "car", "caravan", "carWithCaravan",
    "carWithTrailer", "constructionOrMaintenanceVehicle", "lorry", "moped", "motorcycle",
    "motorcycleWithSideCar", "motorscooter", "tanker", "trailer", "van",
]
GroupAllowedVehicleType = Literal[
    "bicycle", "bus", "car", "caravan", "motorcycle", "motorscooter", "truck",
]
OnStreetCategory = Literal[
    "barrierAccess", "blueZone", "feeCharged", "forDisabled", "forElectricalCharging", "forLoadUnload",
    "forResidents", "free", "greenZone", "mediumTerm", "onlyWithPermit", "public", "shortTerm",
    "taxiStop", "underground",
]
OffStreetCategory = Literal[
    "barrierAccess", "feeCharged", "forCustomers", "forDisabled", "forElectricalCharging",
    "forEmployees", "forMembers", "forResidents", "forStudents", "forVisitors", "free", "freeAccess",
    "gateAccess", "guarded", "ground", "longTerm", "mediumTerm", "onlyResidents", "onlyWithPermit",
    "parkingGarage", "parkingLot", "private", "public", "publicPrivate", "shortTerm", "staffed",
    "underground", "urbanDeterrentParking", "other",
]
SpotCategory = Literal[
    "onStreet", "offStreet",
]
GroupCategory = Literal[
    "adjacentSpaces", "blueZone", "completeFloor", "free", "feeCharged", "greenZone", "loadUnloadZone",
    "nonAdjacentSpaces", "offStreet", "onlyDisabled", "onlyElectricalCharging", "onlyResidents",
    "onlyWithPermit", "onStreet", "particularConditionsSpaces", "shortTermMediumTermLongTerm",
    "statisticsOnly", "vehicleTypeSpaces",
]
OnStreetChargeType = Literal[
    "additionalIntervalPrice", "annualPayment", "firstIntervalPrice", "flat", "free", "minimum",
    "maximum", "monthlyPayment", "seasonTicket", "temporaryFee", "temporaryPrice", "unknown", "other",
]
OffStreetChargeType = Literal[
    "additionalIntervalPrice", "annualPayment", "firstIntervalPrice", "flat", "free", "minimum",
    "maximum", "monthlyPayment", "other", "seasonTicket", "temporaryPrice",
]
Facilities = Literal[
    "bikeParking", "cashMachine", "copyMachineOrService", "defibrillator", "dumpingStation",
    "electricChargingStation", "elevator", "faxMachineOrService", "fireHose", "fireExtinguisher",
    "fireHydrant", "firstAidEquipment", "freshWater", "iceFreeScaffold", "informationPoint",
    "internetWireless", "luggageLocker", "payDesk", "paymentMachine", "playground", "publicPhone",
    "refuseBin", "safeDeposit", "shower", "toilet", "tollTerminal", "vendingMachine", "wasteDisposal",
]
Layout = Literal[
    "automatedParkingGarage", "carports", "covered", "field", "garageBoxes", "multiLevel",
    "multiStorey", "nested", "openSpace", "rooftop", "sheds", "singleLevel", "surface", "other",
]
OccupancyDetectionType = Literal[
    "balancing", "manual", "modelBased", "none", "singleSpaceDetection",
]
ParkingMode = Literal[
    "echelonParking", "parallelParking", "perpendicularParking",
]
OffStreetRequiredPermit = Literal[
    "employeePermit", "fairPermit", "governmentPermit", "noPermitNeeded", "residentPermit",
    "specificIdentifiedVehiclePermit", "studentPermit", "visitorPermit",
]
GroupRequiredPermit = Literal[
    "employeePermit", "studentPermit", "fairPermit", "governmentPermit", "residentPermit",
    "specificIdentifiedVehiclePermit", "disabledPermit", "visitorPermit", "blueZonePermit",
    "careTakingPermit", "carpoolingPermit", "carSharingPermit", "emergencyVehiclePermit",
    "maintenanceVehiclePermit", "roadWorksPermit", "taxiPermit", "transportationPermit",
    "noPermitNeeded",
]
ReservationType = Literal[
    "mandatory", "notAvailable", "optional", "partly",
]
Security = Literal[
    "areaSeparatedFromSurroundings", "cctv", "dog", "externalSecurity", "fences", "floodLight",
    "guard24hours", "lighting", "patrolled", "securityStaff",
]
SpecialLocation = Literal[
    "airportTerminal", "cableCarStation", "campground", "cinema", "coachStation", "conventionCentre",
    "exhibitionCentre", "ferryTerminal", "hotel", "market", "publicTransportStation", "religiousCentre",
    "shoppingCentre", "skilift", "specificFacility", "themePark", "trainStation",
    "vehicleOnRailTerminal", "other",
]
OffStreetStatus = Literal[
    "almostFull", "closed", "closedAbnormal", "full", "fullAtEntrance", "open", "openingTimesInForce",
    "spacesAvailable",
]
SpotStatus = Literal[
    "closed", "free", "occupied", "unknown",
]
OnStreetUsageScenario = Literal[
    "carSharing", "dropOff", "kissAndRide", "liftShare", "loadingBay", "overnightParking",
    "parkAndRide", "parkAndCycle", "parkAndWalk", "vehicleLift", "other",
]
OffStreetUsageScenario = Literal[
    "automaticParkingGuidance", "carSharing", "dropOffWithValet", "dropOffMechanical", "dropOff",
    "eventParking", "kissAndRide", "liftShare", "loadingBay", "overnightParking", "parkAndCycle",
    "parkAndRide", "parkAndWalk", "restArea", "serviceArea", "staffGuidesToSpace", "truckParking",
    "vehicleLift", "other",
]
# fmt: on
