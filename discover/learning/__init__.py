"""Active learning: explore, stop where the potential knows too little, label, fine-tune, go on."""
